import { z } from 'zod';
import { MAJORS } from '../../domain/clusters';
import type { Dump } from '../../domain/dumps';
import { DUMP_STATES } from '../../domain/dumps';
import { timelineId } from './backup-rows';
import { bigint, clusterId, jsonTime, nodeName, operationId, projectId, time } from './rows';

/** Rows of dumps, parsed into types of the domain. */

export const dumpId = z.templateLiteral(['dmp_', z.string()]);

const copy = z
  .object({ site: z.string(), stored_at: jsonTime })
  .transform(({ site, stored_at }) => ({ site, storedAt: stored_at }));

export const dumpRow = z
  .object({
    id: dumpId,
    project_id: projectId,
    cluster_id: clusterId,
    cluster_name: z.string(),
    timeline_id: timelineId,
    operation_id: operationId,
    database: z.string().nullable(),
    selection: z.array(z.string()).nullable(),
    sites: z.array(z.string()).nullable(),
    databases: z.array(z.string()),
    state: z.enum(DUMP_STATES),
    description: z.string().nullable(),
    requested_by: z.string(),
    node: nodeName.nullable(),
    node_role: z.enum(['primary', 'replica']).nullable(),
    version: z.enum(MAJORS),
    size_bytes: bigint.nullable(),
    checksum: z.string().nullable(),
    database_bytes: bigint.nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    started_at: time,
    finished_at: time.nullable(),
    copies: z.array(copy),
  })
  .transform((row): Dump => ({
    id: row.id,
    projectId: row.project_id,
    clusterId: row.cluster_id,
    clusterName: row.cluster_name,
    timelineId: row.timeline_id,
    operationId: row.operation_id,
    database: row.database,
    selection: row.selection,
    sites: row.sites,
    databases: row.databases,
    state: row.state,
    description: row.description,
    requestedBy: row.requested_by,
    node: row.node,
    nodeRole: row.node_role,
    version: row.version,
    sizeBytes: row.size_bytes,
    checksum: row.checksum,
    databaseBytes: row.database_bytes,
    error: row.error,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    copies: row.copies,
  }));

export const restoreColumn = z.object({ source: z.string(), database: z.string(), replace: z.boolean() }).nullable();
