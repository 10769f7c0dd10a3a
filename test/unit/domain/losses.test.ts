import type { Heartbeat } from '../../../domain/heartbeats';
import { backIn, lossInWords, silenceOf } from '../../../domain/losses';
import type { NodeName } from '../../../domain/topology';

/** What the silence of nodes means. */

const beat = (node: NodeName, role: Heartbeat['role'], silentMs = 100): Heartbeat => ({ node, role, silentMs });
const silent = (heartbeat: Heartbeat): Heartbeat => ({ ...heartbeat, silentMs: 3_000 });
const [one, two, three] = [beat('pg-1', 'primary'), beat('pg-2', 'replica'), beat('pg-3', 'replica')] as const;
const [first, second] = [beat('gw-1', 'open'), beat('gw-2', 'open')] as const;

test('nodes are silent after three seconds, data nodes as long as a majority is heard', () => {
  expect(silenceOf([one, two, three], [first, second])).toEqual({ kind: 'none' });
  expect(silenceOf([one, two, { ...three, silentMs: 2_999 }], [first, second])).toEqual({ kind: 'none' });
  expect(silenceOf([one, two, silent(three)], [first, second])).toEqual({ kind: 'some', nodes: ['pg-3'] });
  expect(silenceOf([one, two, silent(three)], [first, silent(second)])).toEqual({
    kind: 'some',
    nodes: ['pg-3', 'gw-2'],
  });
  expect(silenceOf([silent(one), two, silent(three)], [silent(first), second])).toEqual({
    kind: 'majority',
    nodes: ['pg-1', 'pg-3'],
    all: false,
  });
  expect(silenceOf([one, two, three].map(silent), [first])).toEqual({
    kind: 'majority',
    nodes: ['pg-1', 'pg-2', 'pg-3'],
    all: true,
  });
});

test('the gateway of one data node can be lost, its data node is all that there is', () => {
  expect(silenceOf([one], [silent(first)])).toEqual({ kind: 'some', nodes: ['gw-1'] });
  expect(silenceOf([silent(one)], [first])).toEqual({ kind: 'majority', nodes: ['pg-1'], all: true });
});

test('one that was never heard is silent like others, and says nothing before that', () => {
  expect(silenceOf([one, two, beat('pg-3', null)], [first])).toEqual({ kind: 'unknown' });
  expect(silenceOf([one, two, silent(beat('pg-3', null))], [first])).toEqual({ kind: 'some', nodes: ['pg-3'] });
});

test('a node whose service is down answers: that is its own business', () => {
  expect(silenceOf([one, two, beat('pg-3', 'down')], [beat('gw-1', 'down')])).toEqual({ kind: 'none' });
});

test('what has to be approved says up to when the data comes back, what may be lost, and what to type', () => {
  const loss = {
    cluster: 'shop',
    operation: 'op_1',
    upTo: '2026-11-21T10:00:00.000Z',
    sites: ['primary', 'offsite'],
  } as const;
  const gone = lossInWords({ ...loss, off: [] });
  expect(gone).toContain('primary and offsite bring back all that was committed up to 2026-11-21T10:00:00.000Z');
  expect(gone).toContain('`holdfast ops approve op_1`');
  expect(gone).not.toContain('only off');
  expect(lossInWords({ ...loss, off: ['pg-1', 'pg-2'] })).toContain(
    'the hosts of pg-1 and pg-2 have, which are only off',
  );
  expect([backIn(['pg-1']), backIn(['pg-1', 'pg-3'])]).toEqual([
    'pg-1 is back by itself: nothing was changed',
    'pg-1 and pg-3 are back by themselves: nothing was changed',
  ]);
});
