import { z } from 'zod';
import type { Commit, RestoreWindow, Timeline } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { TimelineId } from '../../domain/ids';
import { FINAL_STATES } from '../../domain/operations';
import type { TimelineTable } from './backup-tables';
import { timelineId, timelineRow, windowRow } from './backup-rows';
import { expireBare } from './backups';
import type { Database, Sql } from './database';
import { first } from './database';
import { fenced } from './fence';

export function timelineTable(database: Database): TimelineTable {
  return {
    open: (ref, timeline) => fenced(database, ref, (sql) => open(sql, ref, timeline)),
    setSites: (ref, sites) => fenced(database, ref, (sql) => setSites(sql, ref, sites)),
    leaveSites: (ref, sites) => fenced(database, ref, (sql) => leaveSites(sql, ref, sites)),
    current: async (clusterId) =>
      first(
        await database.rows(
          timelineRow,
          'select * from timelines where cluster_id = $1 and removed_at is null order by id desc limit 1',
          [clusterId],
        ),
      ),
    get: async (id) => first(await database.rows(timelineRow, 'select * from timelines where id = $1', [id])),
    isRemoved: (id) => isTrue(database, 'removed_at is not null', id),
    expireWith: (ref, days) =>
      fenced(database, ref, async (sql) => {
        await sql.run(
          `update timelines set expires_at = now() + $2 * interval '1 day' where cluster_id = $1 and expires_at is null`,
          [ref.clusterId, days],
        );
      }),
    isRead: (id) => isTrue(database, IS_READ, id),
    listExpired: () =>
      database.rows(
        timelineRow,
        `select * from timelines timeline where expires_at <= now() and removed_at is null and not ${IS_NEEDED} order by id`,
      ),
    markRemoved: (id) => database.transaction((sql) => markRemoved(sql, id)),
    setWindow: (id, window) => setWindow(database, id, window),
    extendWindow: (id, newest) => extendWindow(database, id, newest),
    getWindow: async (id) => first(await database.rows(windowRow, 'select * from timelines where id = $1', [id])),
  };
}

async function isTrue(
  sql: Sql,
  condition: 'removed_at is not null' | typeof IS_READ,
  id: TimelineId,
): Promise<boolean> {
  const row = z.object({ answer: z.boolean() });
  const found = first(await sql.rows(row, `select ${condition} as answer from timelines timeline where id = $1`, [id]));
  return found?.answer ?? false;
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

async function setWindow(sql: Sql, id: TimelineId, window: RestoreWindow | null): Promise<void> {
  const { earliest = null, latest = null, lastLsn = null, gaps = [] } = window ?? {};
  await sql.run(
    `update timelines set restorable_from = $2, restorable_to = $3, restorable_lsn = $4, restorable_gaps = $5::jsonb
      where id = $1`,
    [id, earliest, latest, lastLsn, JSON.stringify(gaps)],
  );
}

async function extendWindow(sql: Sql, id: TimelineId, { at, lsn }: Commit): Promise<void> {
  await sql.run(
    `update timelines set restorable_to = greatest(restorable_to, $2::timestamptz),
                          restorable_lsn = greatest(restorable_lsn::pg_lsn, $3::pg_lsn)::text
      where id = $1 and restorable_from < $2::timestamptz`,
    [id, at, lsn],
  );
}

const NEWEST = '(select id from timelines where cluster_id = $1 order by id desc limit 1)';

async function setSites(sql: Sql, { clusterId }: StepRef, sites: readonly string[]): Promise<void> {
  const row = z.object({ stay: z.boolean(), written: z.boolean() });
  const found = first(
    await sql.rows(
      row,
      `select sites = ($2::text[])[1:cardinality(sites)] as stay,
              exists (select from operations
                       where cluster_id = $1 and lane in ('backup', 'dump') and state <> all ($3)) as written
         from timelines where id = ${NEWEST}`,
      [clusterId, sites, FINAL_STATES],
    ),
  );
  if (found?.written && !found.stay)
    throw new HoldfastError('NOT_YET', { what: 'A backup or a dump runs: a site is left when it has ended.' });
  await sql.run(`update timelines set sites = $2::text[] where id = ${NEWEST}`, [clusterId, sites]);
}

async function leaveSites(sql: Sql, { clusterId }: StepRef, sites: readonly string[]): Promise<void> {
  const row = z.object({ id: timelineId, needed: z.boolean() });
  const query = `select id, ${IS_NEEDED} as needed from timelines timeline where id = ${NEWEST}`;
  const found = first(await sql.rows(row, query, [clusterId]));
  if (!found) return;
  if (found.needed)
    throw new HoldfastError('NOT_YET', { what: 'A restore reads these backups or dumps: wait until it has ended.' });
  await sql.run(
    `update backup_copies set removed_at = now()
      where timeline_id = $1 and site = any ($2::text[]) and removed_at is null`,
    [found.id, sites],
  );
  await expireBare(sql, found.id);
  await leaveDumps(sql, found.id, sites);
}

/** One that lay nowhere else is no more. */
async function leaveDumps(sql: Sql, id: TimelineId, sites: readonly string[]): Promise<void> {
  await sql.run(
    `with gone as (
       delete from dump_copies using dumps
        where dumps.id = dump_copies.dump_id and dumps.timeline_id = $1 and site = any ($2::text[])
       returning dump_id
     )
     update dumps set state = 'deleted'
      where id in (select dump_id from gone) and state in ('succeeded', 'deleting')
        and not exists (select from dump_copies copy where copy.dump_id = dumps.id and copy.site <> all ($2::text[]))`,
    [id, sites],
  );
}

/** True while an operation restores from `timeline`. */
const IS_READ = `
  exists (select from operations join clusters restored on restored.id = operations.cluster_id
           where operations.finished_at is null
             and case when operations.kind = 'recover' then restored.id = timeline.cluster_id
                      else operations.kind in ('restore', 'restore-database', 'drill')
                           and restored.origin ->> 'timelineId' = timeline.id end)`;

/** True also while one restores a dump that lies beside the backups. */
const IS_NEEDED = `
  (${IS_READ} or
   exists (select from dump_uses used
             join dumps dump on dump.id = used.dump_id
             join operations on operations.id = used.operation_id
            where used.restore is not null and operations.finished_at is null and dump.timeline_id = timeline.id))`;

/** With it went every copy. */
async function markRemoved(sql: Sql, id: TimelineId): Promise<void> {
  await sql.run('update timelines set removed_at = coalesce(removed_at, now()) where id = $1', [id]);
  await sql.run('update backup_copies set removed_at = now() where timeline_id = $1 and removed_at is null', [id]);
  await sql.run(`update backups set state = 'expired' where timeline_id = $1 and state = 'succeeded'`, [id]);
  await sql.run('delete from dump_copies where dump_id in (select id from dumps where timeline_id = $1)', [id]);
  await sql.run(`update dumps set state = 'deleted' where timeline_id = $1 and state in ('succeeded', 'deleting')`, [
    id,
  ]);
}
