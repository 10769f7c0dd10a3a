import { FIT_STANDBYS } from '../../../activities/switchover/choose';
import { useReplicationTable } from '../../support/replication-table';

/** The question which standbys may become the primary, put to a real PostgreSQL whose standbys are rows of a table. */

const MIB = 1024 ** 2;

const client = useReplicationTable('application_name text, state text, sync_state text, replay_lsn pg_lsn');

/** Rows of name, state, word in the quorum and how many bytes behind; null: it has not told yet. */
async function fit(...standbys: readonly (readonly [string, string, string, number | null])[]): Promise<string[]> {
  for (const standby of standbys)
    await client().query(
      'insert into pg_temp.pg_stat_replication values ($1, $2, $3, pg_current_wal_lsn() - $4::numeric)',
      [...standby],
    );
  const { rows } = await client().query<{ application_name: string }>(FIT_STANDBYS);
  return rows.map(({ application_name }) => application_name);
}

test('the one that is least behind comes first; among equals the name decides', async () => {
  expect(
    await fit(
      ['pg-3', 'streaming', 'quorum', MIB],
      ['pg-2', 'streaming', 'quorum', MIB],
      ['pg-1', 'streaming', 'sync', 0],
    ),
  ).toEqual(['pg-1', 'pg-2', 'pg-3']);
});

test('one that catches up, is asynchronous, far behind or has told nothing yet is not among them', async () => {
  expect(
    await fit(
      ['pg-1', 'catchup', 'quorum', 0],
      ['pg-2', 'streaming', 'async', 0],
      ['pg-3', 'streaming', 'quorum', 17 * MIB],
      ['pg-4', 'streaming', 'quorum', null],
    ),
  ).toEqual([]);
});
