import { z } from 'zod';
import { SCRIPT_PHASES, SCRIPT_STATES } from '../../domain/backup-hooks';
import type { ScriptRun } from '../../domain/backup-hooks';
import { BACKUP_STATES, BACKUP_TYPES } from '../../domain/backups';
import type { Backup, BackupCopy, RestoreWindow, Timeline } from '../../domain/backups';
import { CLOUDS, MAJORS } from '../../domain/clusters';
import { ACCOUNT_KINDS } from '../../domain/sites';
import type { KnownSite } from './backup-tables';
import { bigint, clusterId, jsonTime, nodeName, operationId, projectId, time } from './rows';

/** Rows of lineages and backups, parsed into types of the domain. */

export const timelineId = z.templateLiteral(['tl_', z.string()]);
export const backupId = z.templateLiteral(['bkp_', z.string()]);

export const siteRow = z
  .object({
    name: z.string(),
    endpoint: z.string(),
    bucket: z.string(),
    clouds: z.array(z.enum(CLOUDS)),
    region: z.string().nullable(),
    path_style: z.boolean().nullable(),
    accounts: z.enum(ACCOUNT_KINDS).nullable(),
    ca_pem: z.string().nullable(),
  })
  .transform(({ name, endpoint, bucket, clouds, region, path_style, accounts, ca_pem }): KnownSite => ({
    name,
    endpoint,
    bucket,
    clouds,
    ...(region !== null && { region, pathStyle: path_style ?? true, caPem: ca_pem }),
    ...(accounts !== null && { accounts }),
  }));

export const timelineRow = z
  .object({
    id: timelineId,
    project_id: projectId,
    cluster_id: clusterId,
    version: z.enum(MAJORS),
    sites: z.array(z.string()),
    created_at: time,
    expires_at: time.nullable(),
  })
  .transform((row): Timeline => ({
    id: row.id,
    projectId: row.project_id,
    clusterId: row.cluster_id,
    version: row.version,
    sites: row.sites,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  }));

const gap = z.object({ from: z.string(), to: z.string(), fromLsn: z.string(), toLsn: z.string() });

export const windowRow = z
  .object({
    restorable_from: time.nullable(),
    restorable_to: time.nullable(),
    restorable_lsn: z.string().nullable(),
    restorable_gaps: z.array(gap),
  })
  .transform((row): RestoreWindow | null => {
    if (row.restorable_from === null) return null;
    return {
      earliest: row.restorable_from,
      latest: row.restorable_to,
      ...(row.restorable_lsn !== null && { lastLsn: row.restorable_lsn }),
      ...(row.restorable_gaps.length > 0 && { gaps: row.restorable_gaps }),
    };
  });

const parameters = z.object({
  compressType: z.string(),
  cipherType: z.string(),
  bundle: z.boolean(),
  block: z.boolean(),
  processMax: z.number(),
});

export const copyRow = z
  .object({
    site: z.string(),
    set_id: z.string(),
    type: z.enum(BACKUP_TYPES),
    path: z.string(),
    database_bytes: z.number().nullable(),
    stored_bytes: z.number(),
    started_at: jsonTime,
    finished_at: jsonTime,
    start_lsn: z.string(),
    stop_lsn: z.string(),
    damaged: z.boolean(),
    removed_at: jsonTime.nullable(),
    manifest_sha256: z.string().nullable(),
    verified_at: jsonTime.nullable(),
  })
  .transform((row): BackupCopy => ({
    site: row.site,
    setId: row.set_id,
    type: row.type,
    path: row.path,
    databaseBytes: row.database_bytes,
    storedBytes: row.stored_bytes,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    startLsn: row.start_lsn,
    stopLsn: row.stop_lsn,
    damaged: row.damaged,
    removedAt: row.removed_at,
    manifestSha256: row.manifest_sha256,
    lastVerifiedAt: row.verified_at,
  }));

const script = z
  .object({
    phase: z.enum(SCRIPT_PHASES),
    node: z.string(),
    state: z.enum(SCRIPT_STATES),
    exit_code: z.number().nullable(),
    output: z.string(),
    finished_at: jsonTime,
  })
  .transform(({ exit_code: exitCode, finished_at: finishedAt, ...row }): ScriptRun => ({
    ...row,
    exitCode,
    finishedAt,
  }));

export const backupRow = z
  .object({
    id: backupId,
    project_id: projectId,
    cluster_id: clusterId,
    timeline_id: timelineId,
    operation_id: operationId.nullable(),
    type: z.enum(BACKUP_TYPES),
    state: z.enum(BACKUP_STATES),
    description: z.string().nullable(),
    requested_by: z.string(),
    schedule: z.enum(BACKUP_TYPES).nullable(),
    node: nodeName.nullable(),
    node_role: z.enum(['primary', 'replica']).nullable(),
    version: z.string(),
    tool: z.string().nullable(),
    parameters: parameters.nullable(),
    database_bytes: bigint.nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    started_at: time,
    finished_at: time.nullable(),
    copies: z.array(copyRow),
    scripts: z.array(script),
  })
  .transform((row): Backup => ({
    id: row.id,
    projectId: row.project_id,
    clusterId: row.cluster_id,
    timelineId: row.timeline_id,
    operationId: row.operation_id,
    type: row.type,
    state: row.state,
    description: row.description,
    requestedBy: row.requested_by,
    schedule: row.schedule,
    node: row.node,
    nodeRole: row.node_role,
    version: row.version,
    tool: row.tool,
    parameters: row.parameters,
    databaseBytes: row.database_bytes,
    error: row.error,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    copies: row.copies,
    scripts: row.scripts,
  }));
