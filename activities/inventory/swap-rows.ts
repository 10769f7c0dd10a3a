import { z } from 'zod';
import type { Swap } from '../../domain/swaps';
import { timelineId } from './backup-rows';
import { clusterId, nodeName, operationId, restoreTarget, time } from './rows';

export const swapRow = z
  .object({
    operation_id: operationId,
    cluster_id: clusterId,
    timeline_id: timelineId,
    target: restoreTarget.nullable(),
    site: z.string().nullable(),
    undoes: operationId.nullable(),
    node: nodeName.nullable(),
    kept_on: nodeName.nullable(),
    old_log: z.number().nullable(),
    new_log: z.number().nullable(),
    fork_lsn: z.string().nullable(),
    forks_from: z.number(),
    swapped_at: time.nullable(),
    last_commit_at: time.nullable(),
    last_commit_lsn: z.string().nullable(),
    // The driver gives bigint as text.
    kept_bytes: z.coerce.number().nullable(),
    kept_until: time.nullable(),
    released_at: time.nullable(),
    away: z.record(z.string(), z.string()).transform((away) =>
      Object.keys(away)
        .sort()
        .map((name) => nodeName.parse(name)),
    ),
  })
  .transform((row): Swap => ({
    operationId: row.operation_id,
    clusterId: row.cluster_id,
    timelineId: row.timeline_id,
    target: row.target,
    site: row.site,
    undoes: row.undoes,
    node: row.node,
    keptOn: row.kept_on,
    oldLog: row.old_log,
    newLog: row.new_log,
    forkLsn: row.fork_lsn,
    forksFrom: row.forks_from,
    swappedAt: row.swapped_at,
    lastCommitAt: row.last_commit_at,
    lastCommitLsn: row.last_commit_lsn,
    keptBytes: row.kept_bytes,
    keptUntil: row.kept_until,
    releasedAt: row.released_at,
    away: row.away,
  }));
