import { z } from 'zod';
import type { Drill } from '../../domain/drills';
import { DRILL_STATES } from '../../domain/drills';
import { timelineId } from './backup-rows';
import { dataChecks } from './operation-rows';
import { clusterId, drillId, operationId, projectId, restoreTarget, time } from './rows';

/** Rows of drills, parsed into types of the domain. */

export const drillRow = z
  .object({
    id: drillId,
    project_id: projectId,
    cluster_id: clusterId,
    restored_cluster_id: clusterId,
    timeline_id: timelineId,
    operation_id: operationId,
    state: z.enum(DRILL_STATES),
    requested_by: z.string(),
    target: restoreTarget.nullable(),
    site: z.string().nullable(),
    set_id: z.string().nullable(),
    restored_to: time.nullable(),
    database_bytes: z.coerce.number().nullable(),
    checks: dataChecks,
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    started_at: time,
    proven_at: time.nullable(),
    finished_at: time.nullable(),
  })
  .transform((row): Drill => ({
    id: row.id,
    projectId: row.project_id,
    clusterId: row.cluster_id,
    restoredClusterId: row.restored_cluster_id,
    timelineId: row.timeline_id,
    operationId: row.operation_id,
    state: row.state,
    requestedBy: row.requested_by,
    target: row.target,
    site: row.site,
    setId: row.set_id,
    restoredTo: row.restored_to,
    databaseBytes: row.database_bytes,
    checks: row.checks,
    error: row.error,
    startedAt: row.started_at,
    provenAt: row.proven_at,
    finishedAt: row.finished_at,
  }));
