import { dataNodesOf } from '../../../../activities/fleet';
import { keepLeaderAway } from '../../../../activities/watch/etcd-leader';
import type { DataLook } from '../../../../activities/watch/look-at-nodes';
import { scriptedSsh } from '../../../support/scripted-ssh';
import { viewOf } from '../../../support/view';

/** Whether the lead of etcd is moved, by who leads and who answers. On real hosts: test/alone/ha/watching.ts. */

const view = viewOf('ha-s');

async function movesWhen(
  leader: string | null,
  answering: readonly string[],
  primary: string | null,
): Promise<string[]> {
  const done: string[] = [];
  const watchSsh = scriptedSsh((node, command) =>
    Promise.resolve(done.push(`${view.cluster.name}/${node}: ${command.split(' ').slice(-2).join(' ')}`)).then(
      () => '',
    ),
  );
  const members = dataNodesOf(view).flatMap(({ name: node }, i) =>
    answering.includes(node) ? [{ node, id: `a${i + 1}`, leads: node === leader }] : [],
  );
  const seen = dataNodesOf(view).map((node) => ({
    node,
    look: node.name === primary ? lookOf(members) : lookOf(null),
  }));
  await keepLeaderAway({ watchSsh }, view, seen, new AbortController().signal);
  return done;
}

const lookOf = (members: DataLook['members']): DataLook => ({
  disk: { node: 'pg-1', role: 'standby', usedShare: 0, refuses: false },
  ...{ acts: [], standbys: null, certificateEndsAt: null, members },
});

const ALL = ['pg-1', 'pg-2', 'pg-3'];

test('one that leads beside the primary stays; the primary itself hands over to another member', async () => {
  expect(await movesWhen('pg-2', ALL, 'pg-1')).toEqual([]);
  expect(await movesWhen('pg-1', ALL, 'pg-1')).toEqual([`${view.cluster.name}/pg-1: move-leader a2`]);
  expect(await movesWhen('pg-3', ALL, 'pg-3')).toEqual([`${view.cluster.name}/pg-3: move-leader a1`]);
});

test.each([
  ['while a member does not answer', 'pg-1', ['pg-1', 'pg-2'], 'pg-1'],
  ['while nobody is the primary', 'pg-1', ALL, null],
  ['while nobody leads', null, ALL, 'pg-1'],
])('nothing is moved %s', async (_when, leader, answering, primary) => {
  expect(await movesWhen(leader, answering, primary)).toEqual([]);
});
