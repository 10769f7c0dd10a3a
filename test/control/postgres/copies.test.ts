import { formed, progressOf } from '../../../activities/patroni/catch-up';
import { copiesUpTo } from '../../../activities/postgres/copies';
import type { SqlText } from '../../../activities/postgres/sql';
import { useReplicationTable } from '../../support/replication-table';

/** The questions who has all of the log, and who counts for the quorum, put to a real PostgreSQL whose standbys are rows of a table. */

const client = useReplicationTable(
  'application_name text, state text, sync_state text, flush_lsn pg_lsn, replay_lsn pg_lsn',
);

type Standby = readonly [name: string, state: string, word: string, flushed: string];

async function ask(question: SqlText, standbys: readonly Standby[]): Promise<unknown> {
  for (const standby of standbys)
    await client().query('insert into pg_temp.pg_stat_replication values ($1, $2, $3, $4, $4)', [...standby]);
  const { rows } = await client().query<unknown[]>({ text: question, rowMode: 'array' });
  return rows[0]?.[0];
}

const well: Standby = ['pg-3', 'streaming', 'quorum', '0/5000000'];

test.each<[string, Standby[], boolean]>([
  ['has flushed all of it', [well], true],
  ['is the only synchronous one', [['pg-3', 'streaming', 'sync', '0/6000000']], true],
  ['has not flushed all', [['pg-3', 'streaming', 'quorum', '0/4FFFFFF']], false],
  ['catches up', [['pg-3', 'catchup', 'quorum', '0/5000000']], false],
  ['does not count for commits', [['pg-3', 'streaming', 'async', '0/5000000']], false],
  ['is the one that goes', [['pg-2', 'streaming', 'quorum', '0/5000000']], false],
  ['is not there', [], false],
])('a standby that %s', async (_what, standbys, can) => {
  expect(await ask(copiesUpTo('0/5000000', 'pg-2', 1), standbys)).toBe(can);
});

test('a replica that is not among those that are waited for is not counted', async () => {
  expect(await ask(formed(1, 'pg-2 pg-3'), [well])).toBe(true);
  expect(await ask(formed(1, 'pg-2'), [])).toBe(false);
  expect(await ask(formed(0, ''), [])).toBe(true);
  expect(await ask(progressOf(1, 'pg-2'), [])).toContain('0 of 1 replicas in the quorum');
  expect(await ask(progressOf(1, 'pg-3'), [])).toContain('1 of 1 replicas in the quorum');
});
