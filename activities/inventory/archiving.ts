import { z } from 'zod';
import type { ArchivingTable, WatchedCluster } from './archiving-table';
import { timelineId } from './backup-rows';
import type { Database } from './database';
import { first } from './database';
import { clusterId } from './rows';
import { tell } from './tell';

const figures = z.object({
  asOf: z.string(),
  lastArchivedAt: z.string().nullable(),
  lagMs: z.number().nullable(),
  oldestWaitingSince: z.string().nullable(),
  waitingBytes: z.number(),
  freeBytes: z.number(),
  totalBytes: z.number(),
  lastError: z.string().nullable(),
});

const watchedRow = z
  .object({
    cluster_id: clusterId,
    timeline_id: timelineId,
    sites: z.array(z.string()),
    paused: z.boolean(),
    busy: z.boolean(),
    told: z.object({ reason: z.string(), message: z.string() }).nullable(),
  })
  .transform(({ cluster_id, timeline_id, ...row }): WatchedCluster => ({
    clusterId: cluster_id,
    timelineId: timeline_id,
    ...row,
  }));

const WATCHED = `cluster.state = 'ready' and cluster.deleted_at is null`;

export function archivingTable(database: Database): ArchivingTable {
  return {
    get: async (id) =>
      first(
        await database.rows(
          z.object({ figures }),
          `select figures from archiving join clusters cluster on cluster.id = cluster_id where cluster.id = $1 and ${WATCHED}`,
          [id],
        ),
      )?.figures ?? null,
    list: async () => {
      const row = z.object({ cluster_id: clusterId, figures });
      const rows = await database.rows(
        row,
        `select cluster_id, figures from archiving join clusters cluster on cluster.id = cluster_id where ${WATCHED}`,
      );
      return rows.map((one) => ({ ...one.figures, clusterId: one.cluster_id }));
    },
    listWatched: () =>
      database.rows(
        watchedRow,
        `select cluster.id as cluster_id, timeline.id as timeline_id, timeline.sites,
                (cluster.spec #>> '{backups,paused}')::boolean as paused,
                exists (select from operations
                         where cluster_id = cluster.id and lane = 'cluster' and finished_at is null) as busy,
                jsonb_path_query_first(cluster.conditions, '$[*] ? (@.type == "Archiving")') as told
           from clusters cluster
           join lateral (select * from timelines where cluster_id = cluster.id and removed_at is null order by id desc limit 1)
                timeline on true
          where ${WATCHED} and jsonb_typeof(cluster.spec -> 'backups') = 'object'
            and not exists (select from operations
                             where cluster_id = cluster.id and kind = 'begin-backups' and finished_at is null)
          order by cluster.id`,
      ),
    record: async (id, measured) => {
      await database.run(
        `insert into archiving (cluster_id, figures) values ($1, $2::jsonb)
             on conflict (cluster_id) do update set figures = excluded.figures`,
        [id, JSON.stringify(measured)],
      );
    },
    tell: (id, condition) => database.transaction((sql) => tell(sql, id, condition, 'archiving changed')),
  };
}
