import { z } from 'zod';
import type { AskedTarget } from '../backups';
import { isId } from '../ids';
import { PLANS } from '../plans';
import { inUtc } from '../restore-targets';
import { STORAGE_SIZE_PATTERN } from '../storage-size';
import { allowedIpsSchema } from './addresses';
import { orderedBackupsSchema } from './backups';
import { clusterNameSchema } from './names';
import { restorePointNameSchema } from './restore-points';

/** A new cluster with the data of another one: what a request says. */

const planNames = PLANS.map((plan) => plan.name);
const TIMES = [z.iso.datetime({ offset: true }), z.iso.datetime({ offset: true, precision: -1 })];

/** Seconds may be left out. */
const timeTargetSchema = z
  .string()
  .refine(
    (text) => TIMES.some((schema) => schema.safeParse(text).success),
    'must be a time with its offset from UTC, such as 2026-11-21T14:02:00Z or 2026-11-21T15:02:00+01:00',
  )
  .meta({ format: 'date-time', description: 'ISO 8601 with an offset or Z.', example: '2026-11-21T14:02:00+01:00' });

const MISSING = 'is missing: say what to restore to, which can be {"latest": true}, the newest state';
const targetFields = z.strictObject(
  {
    time: timeTargetSchema.optional(),
    lsn: z
      .string()
      .regex(/^[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}$/, 'must be a position in the log, such as 2/A0000028')
      .optional()
      .meta({ example: '2/A0000028' }),
    transaction: z
      .string()
      .regex(/^[1-9][0-9]{0,19}$/, 'must be the number of a transaction, such as 1234, as text')
      .optional()
      .meta({ description: 'Restored up to its commit.', example: '1234' }),
    point: restorePointNameSchema.optional().meta({
      description: 'Name of a restore point: see GET /v1/clusters/{cluster}/restore-points.',
      example: 'before_release_7',
    }),
    backup: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .meta({ description: 'Id of a backup: the state at its end.', example: 'bkp_01m7xfpycdf6dnev2ndz8p0wht' }),
    latest: z
      .literal(true)
      .optional()
      .meta({ description: 'As late as possible: all that is committed when the restore begins.' }),
  },
  // Where it may be left out, nothing is missing.
  { error: ({ input }) => (input === undefined ? MISSING : undefined) },
);
type TargetRequest = z.output<typeof targetFields>;
const TARGETS = Object.keys(targetFields.shape).join(', ');

export const restoreTargetSchema = targetFields
  .superRefine((target, issues) => {
    if (Object.values(target).filter((value) => value !== undefined).length === 1) return;
    issues.addIssue({ code: 'custom', message: `must have exactly one of ${TARGETS}` });
  })
  .meta({ id: 'RestoreTarget', minProperties: 1, maxProperties: 1 });

/** `POST /v1/clusters/{cluster}/restores` */
export const restoreClusterSchema = z
  .strictObject({
    name: clusterNameSchema,
    target: restoreTargetSchema.optional().meta({ description: 'Where to stop; as late as possible by default.' }),
    site: z
      .string()
      .max(100)
      .optional()
      .meta({ description: 'Read from this site; the first that can be read by default.' }),
    plan: z.enum(planNames).optional().meta({ description: "The source's by default.", example: 'ha-s' }),
    storage: z
      .string()
      .regex(STORAGE_SIZE_PATTERN, 'must be a whole number and MiB, GiB or TiB, such as 20GiB')
      .optional()
      .meta({ description: "Of each data node; at least the source's, which is the default." }),
    version: z
      .string()
      .optional()
      .meta({ description: "Must be the source's: a restore can't change the major version." }),
    allowedIps: allowedIpsSchema.optional().meta({ description: "The source's by default." }),
    deletionProtection: z.boolean().default(false),
    backups: orderedBackupsSchema.meta({
      description:
        "Backups of the new cluster; the source's policy by default. null: none, and it cannot get any later.",
    }),
    credentials: z.enum(['keep', 'rotate']).default('keep').meta({
      description: "`keep`: the owner's password is the source's. `rotate`: a new one.",
    }),
  })
  .meta({ id: 'RestoreCluster' });
export type RestoreCluster = z.output<typeof restoreClusterSchema>;
/** As a client writes it. */
export type RestoreClusterRequest = z.input<typeof restoreClusterSchema>;

/** The target that a request asks for; null for a backup whose id is none. */
export function targetOf({ time, lsn, transaction, point, backup }: TargetRequest = {}): AskedTarget | null {
  if (time !== undefined) return { kind: 'time', time: inUtc(time) };
  if (lsn !== undefined) return { kind: 'lsn', lsn: lsn.toUpperCase() };
  if (transaction !== undefined) return { kind: 'transaction', transaction };
  if (point !== undefined) return { kind: 'point', name: point };
  if (backup === undefined) return { kind: 'latest' };
  return isId('bkp', backup) ? { kind: 'backup', backup } : null;
}

/** As answers tell it. */
export const restoreTargetOutSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('latest') }),
  z.object({ kind: z.literal('time'), time: z.string().meta({ format: 'date-time' }) }),
  z.object({ kind: z.literal('lsn'), lsn: z.string() }),
  z.object({ kind: z.literal('transaction'), transaction: z.string() }),
  z.object({
    kind: z.literal('point'),
    name: z.string(),
    lsn: z.string(),
    madeAt: z.string().meta({ format: 'date-time' }),
  }),
  z.object({ kind: z.literal('backup'), backup: z.templateLiteral(['bkp_', z.string()]) }),
]);

/** What a restored cluster tells of where it comes from. */
export const originSchema = z
  .object({
    clusterId: z.string(),
    timelineId: z.string(),
    target: restoreTargetOutSchema,
    site: z.string().nullable().meta({ description: 'null: the first that answered.' }),
    keepsCredentials: z.boolean(),
    onlyDatabase: z.string().nullable().meta({ description: 'The one database that comes back; null: all of them.' }),
    undeletes: z.boolean().meta({ description: 'true: it takes the place of the source, which was deleted.' }),
  })
  .meta({ id: 'Origin' });
