import { z } from 'zod';
import { NO_HOOKS, NOTIFY_EVENTS } from '../../domain/backup-hooks';
import { RETENTION_UNITS } from '../../domain/backups';
import { CLOUDS, CLUSTER_STATES, CONDITION_TYPES, MAJORS } from '../../domain/clusters';
import { SCOPES } from '../../domain/tokens';
import { maintenanceCondition } from '../../domain/maintenance';
import { NODE_ROLES } from '../../domain/topology';
import type { OwnedToken, Token } from './inventory';

/** Rows as the driver gives them, parsed into types of the domain: the only place that knows both. */

/** Ids were checked when they came in; here it only matters that one kind is never read as another. */
export const projectId = z.templateLiteral(['prj_', z.string()]);
export const clusterId = z.templateLiteral(['clu_', z.string()]);
export const operationId = z.templateLiteral(['op_', z.string()]);
export const drillId = z.templateLiteral(['drl_', z.string()]);
export const tokenId = z.templateLiteral(['tok_', z.string()]);

/** A bigint column: the driver gives it as text. */
export const bigint = z.coerce.number();
/** A timestamptz column. */
export const time = z.date().transform((at) => at.toISOString());
/** A timestamptz inside jsonb. */
export const jsonTime = z.string().transform((at) => new Date(at).toISOString());

export const projectRow = z.object({ id: projectId, name: z.string() });

const tokenColumns = z.object({
  id: tokenId,
  project_id: projectId,
  name: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  created_at: time,
  expires_at: time,
  revoked_at: time.nullable(),
  last_used_at: time.nullable(),
});

const tokenOf = (row: z.infer<typeof tokenColumns>): Token => ({
  id: row.id,
  projectId: row.project_id,
  name: row.name,
  scopes: row.scopes,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  revokedAt: row.revoked_at,
  lastUsedAt: row.last_used_at,
});

export const tokenRow = tokenColumns.transform(tokenOf);

export const ownedTokenRow = tokenColumns
  .extend({ project_name: z.string() })
  .transform((row): OwnedToken => ({ ...tokenOf(row), projectName: row.project_name }));

const hook = z.object({ script: z.string(), timeoutSeconds: z.number() }).nullable();
const cron = z.string().nullable();
export const backupPolicy = z.object({
  sites: z.array(z.string()),
  schedule: z.object({ full: cron, differential: cron, incremental: cron }),
  // Policies that are older than drills want none.
  drill: cron.default(null),
  // As those that are older than dumps.
  dumps: z
    .object({
      schedule: cron,
      databases: z.union([z.literal('all'), z.array(z.string())]),
      sites: z.array(z.string()).nullable(),
    })
    .default({ schedule: null, databases: 'all', sites: null }),
  timeZone: z.string(),
  retention: z.object({ unit: z.enum(RETENTION_UNITS), full: z.number() }),
  paused: z.boolean(),
  // As those that are older than scripts and than whom to tell.
  hooks: z.object({ pre: hook, post: hook }).default(NO_HOOKS),
  notify: z.array(z.object({ event: z.enum(NOTIFY_EVENTS), to: z.string() })).default([]),
});

export const restoreTarget = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('latest') }),
  z.object({ kind: z.literal('time'), time: z.string() }),
  z.object({ kind: z.literal('lsn'), lsn: z.string() }),
  z.object({ kind: z.literal('transaction'), transaction: z.string() }),
  z.object({ kind: z.literal('point'), name: z.string(), lsn: z.string(), madeAt: z.string() }),
  z.object({ kind: z.literal('backup'), backup: z.templateLiteral(['bkp_', z.string()]) }),
]);

const spec = z.object({
  plan: z.string(),
  version: z.enum(MAJORS),
  cloud: z.enum(CLOUDS),
  storageBytes: z.number(),
  database: z.string(),
  owner: z.string(),
  allowedIps: z.array(z.string()),
  deletionProtection: z.boolean(),
  // Orders that are older than backups have none.
  backups: backupPolicy.nullable().default(null),
});

const origin = z.object({
  clusterId,
  timelineId: z.templateLiteral(['tl_', z.string()]),
  target: restoreTarget,
  site: z.string().nullable(),
  keepsCredentials: z.boolean(),
  // Those that are older than undeletes are none.
  undeletes: z.boolean().default(false),
  onlyDatabase: z.string().nullable().default(null),
});

const provenRestore = z.object({
  drillId,
  provenAt: z.string(),
  target: restoreTarget,
  site: z.string(),
  seconds: z.number(),
});

const condition = z.object({
  type: z.enum(CONDITION_TYPES),
  status: z.boolean(),
  reason: z.string(),
  message: z.string(),
  since: z.string(),
});

const endpoint = z.object({
  addresses: z.array(
    z.object({ host: z.string(), primaryPort: z.number(), replicaPort: z.number(), pooledPort: z.number() }),
  ),
});

/** As JSON has it. */
export const maintenanceRow = z.object({ since: jsonTime, until: jsonTime, by: z.string() });

export const clusterRow = z
  .object({
    id: clusterId,
    project_id: projectId,
    name: z.string(),
    generation: z.number(),
    spec,
    state: z.enum(CLUSTER_STATES),
    conditions: z.array(condition),
    postgresql_version: z.string().nullable(),
    endpoint: endpoint.nullable(),
    origin: origin.nullable(),
    restored_from: z.object({ operationId, site: z.string(), setId: z.string() }).nullable(),
    drill_of: clusterId.nullable(),
    last_proven_restore: provenRestore.nullable(),
    created_at: time,
    deleted_at: time.nullable(),
    restorable_until: time.nullable(),
    maintenance: maintenanceRow.nullable(),
  })
  .transform((row) => ({
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    generation: row.generation,
    spec: row.spec,
    status: {
      state: row.state,
      conditions: row.maintenance ? [...row.conditions, maintenanceCondition(row.maintenance)] : row.conditions,
      postgresqlVersion: row.postgresql_version,
      endpoint: row.endpoint,
    },
    origin: row.origin,
    restoredFrom: row.restored_from,
    drillOf: row.drill_of,
    lastProvenRestore: row.last_proven_restore,
    createdAt: row.created_at,
    deletedAt: row.deleted_at,
    restorableUntil: row.restorable_until,
  }));

export const networkRow = z.object({
  network: z
    .object({ token: z.string(), cidr: z.string(), controlAddress: z.string(), floatingAddress: z.string().nullable() })
    .nullable(),
});

export const nodeName = z.union([z.templateLiteral(['pg-', z.number()]), z.templateLiteral(['gw-', z.number()])]);

export const nodeRow = z
  .object({
    cluster_id: clusterId,
    name: nodeName,
    role: z.enum(NODE_ROLES),
    failure_domain: z.string(),
    host_id: z.string().nullable(),
    private_address: z.string().nullable(),
    ssh_host: z.string().nullable(),
    ssh_port: z.number().nullable(),
    ssh_user: z.string().nullable(),
    host_key: z.string().nullable(),
    public_ports: z.record(z.string(), z.object({ host: z.string(), port: z.number() })),
  })
  .transform((row) => ({
    clusterId: row.cluster_id,
    name: row.name,
    role: row.role,
    failureDomain: row.failure_domain,
    hostId: row.host_id,
    privateAddress: row.private_address,
    ssh:
      row.ssh_host !== null && row.ssh_port !== null
        ? { host: row.ssh_host, port: row.ssh_port, ...(row.ssh_user !== null && { user: row.ssh_user }) }
        : null,
    hostKey: row.host_key,
    publicPorts: row.public_ports,
  }));

export const imageRow = z.object({
  reference: z.string(),
  catalogue: z.object({
    format: z.literal(1),
    builtAt: z.string(),
    debian: z.string(),
    postgresql: z.record(z.enum(MAJORS), z.string()),
    tools: z.record(z.string(), z.string()),
  }),
});
