import { etcdEnvironment, memberOf } from '../../../../activities/etcd/config';
import { addLearner, parseMembers, promote, removeMembers } from '../../../../activities/etcd/members';
import { dataNodesOf } from '../../../../activities/fleet';
import { commandFailed } from '../../../../activities/host/errors';
import type { Host } from '../../../../activities/host/host';
import { nodeOf, viewOf } from '../../../support/view';

/** How a member of etcd goes and comes again. */

const LISTED = `4a9d0b1c2d3e4f50, started, pg-1, https://10.213.0.10:2380, https://10.213.0.10:2379, false
91bc3c398fb3c146, started, pg-2, https://10.213.0.11:2380, https://10.213.0.11:2379, false
fd422379fda50e48, unstarted, , https://10.213.0.12:2380, , true
`;
const PG_3 = { name: 'pg-3', peerUrl: 'https://10.213.0.12:2380' };

/** Answers with `member list` what it is given, in turn; `promote` fails for the first so many times. */
function hostWith(lists: string[], refusals = 0): { host: Host; changes: string[] } {
  const changes: string[] = [];
  const host: Host = {
    label: 'orders/pg-1',
    run: (command) => {
      const words = command.slice(command.lastIndexOf(' member ') + 1);
      if (words === 'member list') return Promise.resolve(lists.length > 1 ? (lists.shift() ?? '') : (lists[0] ?? ''));
      if (words.startsWith('member promote') && refusals-- > 0)
        return Promise.reject(commandFailed('orders/pg-1', 'promote', { code: 1, output: 'not in sync with leader' }));
      changes.push(words);
      return Promise.resolve('');
    },
    putFiles: () => Promise.reject(new Error('it changes no file')),
  };
  return { host, changes };
}

test('members are read as etcdctl lists them, also one that has not started', () => {
  expect(parseMembers(LISTED)).toEqual([
    { id: '4a9d0b1c2d3e4f50', name: 'pg-1', peerUrl: 'https://10.213.0.10:2380', isLearner: false },
    { id: '91bc3c398fb3c146', name: 'pg-2', peerUrl: 'https://10.213.0.11:2380', isLearner: false },
    { id: 'fd422379fda50e48', ...PG_3, name: '', isLearner: true },
  ]);
  expect(() => parseMembers('Error: context deadline exceeded')).toThrow('no member of etcd');
});

test('a member is taken out by its name and by its address, and only once', async () => {
  const { host, changes } = hostWith([LISTED]);
  await removeMembers(host, PG_3);
  await removeMembers(host, { name: 'pg-2', peerUrl: 'https://10.213.0.99:2380' });
  await removeMembers(host, { name: 'pg-4', peerUrl: 'https://10.213.0.99:2380' });
  expect(changes).toEqual(['member remove fd422379fda50e48', 'member remove 91bc3c398fb3c146']);
});

test('one that is in already is not let in again', async () => {
  const { host, changes } = hostWith([LISTED]);
  expect(await addLearner(host, PG_3)).toHaveLength(3);
  expect(changes).toEqual([]);
  const without = hostWith([LISTED.split('\n').slice(0, 2).join('\n'), LISTED]);
  expect(await addLearner(without.host, PG_3)).toHaveLength(3);
  expect(without.changes).toEqual(['member add pg-3 --learner --peer-urls=https://10.213.0.12:2380']);
});

test('a learner is asked to vote until it has caught up, one that votes is left alone', async () => {
  const voting = LISTED.replace(', unstarted, ,', ', started, pg-3,').replace(', , true', ', x, false');
  const { host, changes } = hostWith([LISTED, LISTED, LISTED, voting], 2);
  await promote(host, PG_3);
  expect(changes).toEqual(['member promote fd422379fda50e48']);
  const done = hostWith([voting]);
  await promote(done.host, PG_3);
  expect(done.changes).toEqual([]);
  await expect(promote(done.host, { name: 'pg-4', peerUrl: 'https://x' })).rejects.toMatchObject({ code: 'NOT_YET' });
});

test('a fresh host joins those that are there, and only those', () => {
  const ha = viewOf('ha-s');
  const [old, fresh] = (['new', 'existing'] as const).map((state) =>
    etcdEnvironment(nodeOf(ha, 'pg-3'), dataNodesOf(ha).map(memberOf), ha.cluster.id, state).split('\n'),
  );
  expect(fresh?.filter((line) => !old?.includes(line))).toEqual(['ETCD_INITIAL_CLUSTER_STATE="existing"']);
  expect(fresh).toContain(
    'ETCD_INITIAL_CLUSTER="pg-1=https://10.213.0.10:2380,pg-2=https://10.213.0.11:2380,pg-3=https://10.213.0.12:2380"',
  );
});
