import { z } from 'zod';
import { CLOUDS, CLUSTER_STATES, MAJORS } from '../clusters';
import { findPlan, type Plan, PLANS } from '../plans';
import { NODE_STATES } from '../heartbeats';
import { NODE_ROLES } from '../topology';
import { formatStorageSize, parseStorageSize, STORAGE_SIZE_PATTERN } from '../storage-size';
import { allowedIpsSchema } from './addresses';
import { backupPolicySchema, orderedBackupsSchema } from './backups';
import { provenRestoreSchema } from './drills';
import { clusterNameSchema, databaseNameSchema, roleNameSchema } from './names';
import { restoredFromSchema } from './restored';
import { originSchema } from './restores';

const planNames = PLANS.map((plan) => plan.name);
const time = z.string().meta({ format: 'date-time' });

/** Plain shape, without the rules between fields. */
const createFields = z.strictObject({
  name: clusterNameSchema,
  plan: z.enum(planNames).meta({ description: 'See GET /v1/plans.', example: 'ha-s' }),
  version: z
    .enum(MAJORS)
    .optional()
    .meta({ description: 'PostgreSQL major; the newest of GET /v1/versions by default.' }),
  cloud: z.enum(CLOUDS).default('docker'),
  storage: z
    .string()
    .regex(STORAGE_SIZE_PATTERN, 'must be a whole number and MiB, GiB or TiB, such as 20GiB')
    .optional()
    .meta({ description: "Storage of each data node; the plan's by default.", example: '20GiB' }),
  database: databaseNameSchema.default('app'),
  owner: roleNameSchema.default('app'),
  allowedIps: allowedIpsSchema.default([]),
  deletionProtection: z.boolean().default(false),
  backups: orderedBackupsSchema,
});

function checkStorage(request: { plan: string; storage?: string | undefined }, issues: z.core.$RefinementCtx): void {
  const plan = findPlan(request.plan);
  const bytes = request.storage === undefined ? null : parseStorageSize(request.storage);
  const message = plan && bytes !== null ? wrongWithStorage(plan, bytes) : null;
  if (message !== null) issues.addIssue({ code: 'custom', path: ['storage'], message });
}

/** Why a plan can't have so much storage; null when it can. */
export function wrongWithStorage(plan: Plan, bytes: number): string | null {
  if (bytes >= plan.storageBytes && bytes <= plan.maxStorageBytes) return null;
  const range = `${formatStorageSize(plan.storageBytes)} to ${formatStorageSize(plan.maxStorageBytes)}`;
  return `must be ${range} with plan ${plan.name}`;
}

/** `POST /v1/clusters` */
export const createClusterSchema = createFields.superRefine(checkStorage).meta({ id: 'CreateCluster' });
export type CreateCluster = z.output<typeof createClusterSchema>;
/** As a client writes it, before defaults. */
export type CreateClusterRequest = z.input<typeof createClusterSchema>;

/** `PATCH /v1/clusters/{cluster}` */
export const updateClusterSchema = z.strictObject({ deletionProtection: z.boolean() }).meta({ id: 'UpdateCluster' });

/** `DELETE /v1/clusters/{cluster}` */
export const deleteClusterSchema = z
  .strictObject({ confirm: z.string().optional().meta({ description: 'The name of the cluster, typed again.' }) })
  .meta({ id: 'DeleteCluster' });

export const conditionSchema = z
  .object({
    type: z.string(),
    status: z.boolean().meta({ description: 'false is a warning.' }),
    reason: z.string(),
    message: z.string(),
    since: time,
  })
  .meta({ id: 'Condition' });

export const endpointSchema = z
  .object({
    addresses: z
      .array(
        z.object({
          host: z.string(),
          primaryPort: z.number().int().meta({ description: 'Direct to the primary.' }),
          replicaPort: z.number().int().meta({ description: 'Read-only, to the replicas.' }),
          pooledPort: z.number().int().meta({ description: 'Pooled by PgBouncer (transaction mode).' }),
        }),
      )
      .readonly(),
  })
  .meta({ id: 'Endpoint' });

export const archivingSchema = z
  .object({
    asOf: time.meta({ description: 'When it was measured: about every minute while nothing changes.' }),
    lastArchivedAt: time.nullable().meta({ description: 'When the newest segment of the log was in all stores.' }),
    lagMs: z
      .number()
      .nullable()
      .meta({ description: 'From the first commit in the newest segment with one until it was in all stores.' }),
    oldestWaitingSince: time.nullable().meta({ description: 'null: no segment waits for a store.' }),
    waitingBytes: z.number().int().meta({ description: 'Of all segments that wait, on the volume.' }),
    freeBytes: z.number().int().meta({ description: 'Of the volume of the primary.' }),
    totalBytes: z.number().int(),
    lastError: z.string().nullable().meta({ description: 'What pgBackRest says of the oldest segment that waits.' }),
  })
  .meta({ id: 'Archiving' });

const statusFields = {
  state: z.enum(CLUSTER_STATES),
  conditions: z.array(conditionSchema).readonly(),
  postgresqlVersion: z.string().nullable(),
  endpoint: endpointSchema.nullable(),
};

const clusterFields = {
  id: z.string(),
  name: z.string(),
  generation: z.number().int().meta({ description: 'The ETag; rises with every accepted change.' }),
  spec: z.object({
    plan: z.string(),
    version: z.enum(MAJORS),
    cloud: z.string(),
    storageBytes: z.number().int(),
    database: z.string(),
    owner: z.string(),
    allowedIps: z.array(z.string()).readonly(),
    deletionProtection: z.boolean(),
    backups: backupPolicySchema.nullable().meta({ description: 'null: none are taken.' }),
  }),
  status: z.object(statusFields),
  restoredFrom: restoredFromSchema
    .nullable()
    .meta({ description: 'The set that its data began with; null when it began empty.' }),
  origin: originSchema.nullable().meta({ description: 'What it was restored from; null when it began empty.' }),
  drillOf: z.string().nullable().meta({
    description:
      'Id of the cluster whose backups it is made from to be thrown away: for a drill, or to take a database out of them. null for all others.',
  }),
  lastProvenRestore: provenRestoreSchema
    .nullable()
    .meta({ description: 'The newest drill that found nothing wrong; null: there is none yet.' }),
  createdAt: time,
  deletedAt: time.nullable(),
  restorableUntil: time.nullable().meta({
    description:
      'Of one that was deleted: until when it can be undeleted, or restored by its id; null where it cannot, and for one that is there.',
  }),
  links: z.object({
    self: z.string(),
    nodes: z.string(),
    operations: z.string(),
    credentials: z.string(),
    backups: z.string(),
    drills: z.string(),
  }),
};

export const nodeSchema = z
  .object({
    name: z.string(),
    role: z.enum(NODE_ROLES).meta({
      description:
        '`data` runs PostgreSQL, `gateway` forwards to it. Which data node is the primary changes by itself: the ports of the endpoint find it.',
    }),
    state: z.enum(NODE_STATES).nullable().meta({
      description:
        'What it says of itself, at most three seconds ago: a data node that it is the `primary` or a `replica`, a gateway that it is `open`; `down` when its host answers and its service does not, `silent` when nothing was heard of it for longer. Null where nothing was ever heard.',
    }),
    heardAt: time.nullable().meta({ description: 'When it was heard last.' }),
    failureDomain: z.string(),
    hostId: z.string().nullable().meta({ description: "The cloud's id of its host; null until that was made." }),
    privateAddress: z.string().nullable(),
  })
  .meta({ id: 'Node' });

export const clusterSchema = z.object(clusterFields).meta({ id: 'Cluster' });
/** One cluster, with what a page of many leaves out. */
export const clusterDetailSchema = z
  .object({
    ...clusterFields,
    status: z.object({
      ...statusFields,
      archiving: archivingSchema.nullable().meta({
        description: 'How the log gets into the stores; null where none is archived, or nothing was measured yet.',
      }),
    }),
    nodes: z.array(nodeSchema).readonly(),
    operation: z.string().nullable().meta({ description: 'Link of the operation that works on it now.' }),
  })
  .meta({ id: 'ClusterDetail' });

export type ClusterAnswer = z.infer<typeof clusterSchema>;
export type ClusterDetailAnswer = z.infer<typeof clusterDetailSchema>;
export type NodeAnswer = z.infer<typeof nodeSchema>;
