import { nearReplicas } from '../../../activities/pgbackrest/take';
import { useReplicationTable } from '../../support/replication-table';

/** The question which replica a backup is taken from, put to a real PostgreSQL whose replicas are rows of a table. */

/* Less than the log that a server has written by the time that it serves. */
const MIB = 1024 ** 2;

const client = useReplicationTable('application_name text, state text, replay_lsn pg_lsn');

/** Rows of name, state and how many bytes behind; null: it has not told yet. */
async function near(...replicas: readonly (readonly [string, string, number | null])[]): Promise<string[]> {
  for (const replica of replicas)
    await client().query(
      'insert into pg_temp.pg_stat_replication values ($1, $2, pg_current_wal_lsn() - $3::numeric)',
      [...replica],
    );
  const { rows } = await client().query<{ application_name: string }>(nearReplicas(8 * MIB));
  return rows.map(({ application_name }) => application_name);
}

test('the one that is least behind comes first, whatever its name', async () => {
  expect(
    await near(['pg-1', 'streaming', 3 * MIB], ['pg-2', 'streaming', 1 * MIB], ['pg-3', 'streaming', 2 * MIB]),
  ).toEqual(['pg-2', 'pg-3', 'pg-1']);
});

test('one that lags far behind is not used, and neither is one that does not stream or has told nothing', async () => {
  expect(await near(['pg-1', 'streaming', 3 * MIB], ['pg-2', 'streaming', 12 * MIB])).toEqual(['pg-1']);
  expect(await near(['pg-3', 'catchup', 0], ['pg-4', 'streaming', null])).toEqual(['pg-1']);
});

test('there is none where all lag: the backup is of the primary then', async () => {
  expect(await near(['pg-1', 'streaming', 12 * MIB], ['pg-2', 'streaming', 16 * MIB])).toEqual([]);
});
