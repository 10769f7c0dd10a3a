import { lastPrimary } from '../../../../activities/patroni/last-primary';

/** Which of the stopped data nodes has the newest data. */

type Stopped = Parameters<typeof lastPrimary>[0][number];
const stopped = (name: Stopped['name'], log: number, isReplica: boolean): Stopped => ({
  name,
  log,
  isReplica,
  isClean: !isReplica,
  forkLsn: null,
  segment: '',
});

test('it is the one that was no replica', () => {
  expect(lastPrimary([stopped('pg-1', 1, true), stopped('pg-2', 1, false)], 'pg-2').name).toBe('pg-2');
});

test('after a failover it is the one with the newest log, whoever was the primary before', () => {
  const nodes = [stopped('pg-1', 1, false), stopped('pg-2', 2, false), stopped('pg-3', 2, true)];
  expect(lastPrimary(nodes, 'pg-1').name).toBe('pg-2');
});

test('among replicas alone it is the one that was the primary', () => {
  expect(lastPrimary([stopped('pg-1', 1, true), stopped('pg-2', 1, true)], 'pg-2').name).toBe('pg-2');
});
