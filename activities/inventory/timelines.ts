import type { Timeline } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import type { TimelineId } from '../../domain/ids';
import type { TimelineTable } from './backup-tables';
import { timelineRow, windowRow } from './backup-rows';
import type { Database, Sql } from './database';
import { first } from './database';
import { fenced } from './fence';

export function timelineTable(database: Database): TimelineTable {
  return {
    open: (ref, timeline) => fenced(database, ref, (sql) => open(sql, ref, timeline)),
    setSites: (ref, sites) => fenced(database, ref, (sql) => setSites(sql, ref, sites)),
    current: async (clusterId) =>
      first(
        await database.rows(
          timelineRow,
          'select * from timelines where cluster_id = $1 and removed_at is null order by id desc limit 1',
          [clusterId],
        ),
      ),
    get: async (id) => first(await database.rows(timelineRow, 'select * from timelines where id = $1', [id])),
    expireWith: (ref, days) =>
      fenced(database, ref, async (sql) => {
        await sql.run(
          `update timelines set expires_at = now() + $2 * interval '1 day' where cluster_id = $1 and expires_at is null`,
          [ref.clusterId, days],
        );
      }),
    listExpired: () =>
      database.rows(
        timelineRow,
        'select * from timelines where expires_at <= now() and removed_at is null order by id',
      ),
    markRemoved: (id) => database.transaction((sql) => markRemoved(sql, id)),
    setWindow: async (id, window) => {
      await database.run('update timelines set restorable_from = $2, restorable_to = $3 where id = $1', [
        id,
        window?.earliest ?? null,
        window?.latest ?? null,
      ]);
    },
    getWindow: async (id) =>
      first(await database.rows(windowRow, 'select restorable_from, restorable_to from timelines where id = $1', [id])),
  };
}

async function open(
  sql: Sql,
  ref: StepRef,
  { id, version, sites }: Pick<Timeline, 'id' | 'sites' | 'version'>,
): Promise<void> {
  await sql.run(
    `insert into timelines (id, project_id, cluster_id, version, sites)
     select $1, project_id, id, $3, $4::text[] from clusters where id = $2
         on conflict (id) do nothing`,
    [id, ref.clusterId, version, sites],
  );
}

async function setSites(sql: Sql, { clusterId }: StepRef, sites: readonly string[]): Promise<void> {
  await sql.run(
    `update timelines set sites = $2::text[]
      where id = (select id from timelines where cluster_id = $1 order by id desc limit 1)`,
    [clusterId, sites],
  );
}

/** With it went every copy. */
async function markRemoved(sql: Sql, id: TimelineId): Promise<void> {
  await sql.run('update timelines set removed_at = coalesce(removed_at, now()) where id = $1', [id]);
  await sql.run('update backup_copies set removed_at = now() where timeline_id = $1 and removed_at is null', [id]);
  await sql.run(`update backups set state = 'expired' where timeline_id = $1 and state = 'succeeded'`, [id]);
}
