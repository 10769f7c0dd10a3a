import { z } from 'zod';
import type { ClusterId } from '../../domain/ids';
import type { Maintenance } from '../../domain/maintenance';
import type { Sql } from './database';
import { first } from './database';
import { maintenanceRow } from './rows';

/** Maintenance of clusters. Whether it lasts still is asked of the inventory's clock each time: nothing has to end it. */

/** True of a `cluster` as long as it lasts. */
export const IN_MAINTENANCE = 'coalesce(cluster.maintenance_until > now(), false)';

/** That of a `cluster`; null: there is none now. */
export const MAINTENANCE = `
  case when ${IN_MAINTENANCE} then json_build_object(
    'since', cluster.maintenance_since, 'until', cluster.maintenance_until, 'by', cluster.maintenance_by
  ) end`;

const row = z.object({ maintenance: maintenanceRow });

/** See {@link ClusterTable.beginMaintenance}. */
export async function beginMaintenance(sql: Sql, id: ClusterId, minutes: number, by: string): Promise<Maintenance> {
  const begun = first(
    await sql.rows(
      row,
      `update clusters cluster
          set maintenance_since = case when ${IN_MAINTENANCE} then maintenance_since else now() end,
              maintenance_until = now() + $2 * interval '1 minute', maintenance_by = $3
        where id = $1 returning ${MAINTENANCE} as maintenance`,
      [id, minutes, by],
    ),
  );
  if (!begun) throw new Error(`no cluster ${id}`);
  return begun.maintenance;
}

/** See {@link ClusterTable.endMaintenance}. */
export async function endMaintenance(sql: Sql, id: ClusterId): Promise<void> {
  await sql.run(
    'update clusters set maintenance_since = null, maintenance_until = null, maintenance_by = null where id = $1',
    [id],
  );
}
