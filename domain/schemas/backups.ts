import { z } from 'zod';
import { BACKUP_STATES, BACKUP_TYPES, RETENTION_UNITS } from '../backups';
import { dumpDatabaseSchema } from './dumps';
import { cronSchema, timeZoneSchema } from './schedules';

/** Physical backups: what is asked for, and what the API tells of them. */

const MAX_SITES = 3;
const MAX_DATABASES = 100;
/** Ten years of days. */
const MAX_KEPT = 3650;
const MAX_DESCRIPTION = 200;

const time = z.string().meta({ format: 'date-time' });
const times = cronSchema.nullable().optional();

function checkSites(sites: readonly string[], issues: z.core.$RefinementCtx): void {
  for (const [i, site] of sites.entries()) {
    if (sites.indexOf(site) === i) continue;
    issues.addIssue({ code: 'custom', path: [i], message: `is there twice: each site gets one copy` });
  }
}

const sitesSchema = z.array(z.string().max(100)).min(1).max(MAX_SITES).superRefine(checkSites).readonly();

function once(names: readonly string[], issues: z.core.$RefinementCtx): void {
  for (const [i, name] of names.entries()) {
    if (names.indexOf(name) !== i) issues.addIssue({ code: 'custom', path: [i], message: 'is there twice' });
  }
}

/** What of a policy a request gives; the rest is filled in. Of an order, and of a change. */
export const backupPolicyRequestSchema = z
  .strictObject({
    sites: sitesSchema.optional().meta({
      description: 'Names of GET /v1/sites that each get a copy; a restore reads from the first.',
      example: ['primary', 'secondary'],
    }),
    schedule: z
      .strictObject({ full: times, differential: times, incremental: times })
      .optional()
      .meta({ description: 'When each type is taken, in `timeZone`; null: never by itself.' }),
    drill: times.meta({
      description: 'When a restore is proven by a drill, in `timeZone`; null: never by itself. Weekly by default.',
    }),
    dumps: z
      .strictObject({
        schedule: times.meta({
          description: 'When a dump is taken, in `timeZone`; null: never by itself, the default.',
        }),
        databases: z
          .union([z.literal('all'), z.array(dumpDatabaseSchema).min(1).max(MAX_DATABASES).superRefine(once).readonly()])
          .optional()
          .meta({
            description: '`all` with the roles, the default; or those of these names. One dump has all of them.',
          }),
        sites: sitesSchema
          .nullable()
          .optional()
          .meta({ description: 'Those of `sites` that get a copy; null: all, the default.' }),
      })
      .optional()
      .meta({ description: 'Dumps that are taken by schedule. How many are kept says the plan.' }),
    timeZone: timeZoneSchema.optional(),
    retention: z
      .strictObject({ unit: z.enum(RETENTION_UNITS), full: z.number().int().min(1).max(MAX_KEPT) })
      .optional()
      .meta({
        description: 'Full backups, with all that builds on them, are kept for so many days, or so many of them.',
      }),
    paused: z.boolean().optional().meta({
      description: 'true: no backup or dump is taken and no drill held by schedule; the log is archived all the same.',
    }),
  })
  .meta({ id: 'BackupPolicyRequest' });
export type BackupPolicyRequest = z.output<typeof backupPolicyRequestSchema>;

/** Of an order: null takes none. */
export const orderedBackupsSchema = backupPolicyRequestSchema.nullable().optional().meta({
  description:
    'Physical backups and the archive of the log. Left out: weekly full, daily differential, hourly incremental, kept for 14 days, on the first two sites that the hosts can reach; none when there are no sites. null: none.',
});

export const backupPolicySchema = z
  .object({
    sites: z.array(z.string()).readonly(),
    schedule: z.object({
      full: z.string().nullable(),
      differential: z.string().nullable(),
      incremental: z.string().nullable(),
    }),
    drill: z.string().nullable(),
    dumps: z.object({
      schedule: z.string().nullable(),
      databases: z.union([z.literal('all'), z.array(z.string()).readonly()]),
      sites: z.array(z.string()).readonly().nullable().meta({ description: 'null: all of the policy.' }),
    }),
    timeZone: z.string(),
    retention: z.object({ unit: z.enum(RETENTION_UNITS), full: z.number().int() }),
    paused: z.boolean(),
  })
  .meta({ id: 'BackupPolicy' });

/** `POST /v1/clusters/{cluster}/backups` */
export const takeBackupSchema = z
  .strictObject({
    type: z.enum(BACKUP_TYPES).default('incremental').meta({
      description:
        'An incremental one has what changed since the newest backup, a differential one since the newest full one.',
    }),
    description: z
      .string()
      .min(1)
      .max(MAX_DESCRIPTION)
      .regex(/^[^\x00-\x1f\x7f-\x9f]*$/, 'must be one line without control characters')
      .optional()
      .meta({ description: 'For people.', example: 'before the migration' }),
  })
  .meta({ id: 'TakeBackup' });
export type TakeBackupRequest = z.input<typeof takeBackupSchema>;

export const backupCopySchema = z
  .object({
    site: z.string(),
    setId: z.string().meta({ description: "pgBackRest's name of it.", example: '20261121-063000F' }),
    type: z.enum(BACKUP_TYPES).meta({ description: 'The first one on a site is full whatever was asked for.' }),
    path: z.string().meta({ description: 'Where it lies within the store.' }),
    storedBytes: z.number().int().meta({ description: 'In the store, of this backup alone.' }),
    startedAt: time,
    finishedAt: time,
    startLsn: z.string(),
    stopLsn: z.string(),
    damaged: z.boolean().meta({ description: "Checksums of PostgreSQL's pages did not fit when it was taken." }),
    removedAt: time.nullable().meta({ description: 'When it was found to have expired; null while it is there.' }),
  })
  .meta({ id: 'BackupCopy' });

export const backupSchema = z
  .object({
    id: z.string(),
    clusterId: z.string(),
    timelineId: z.string().meta({ description: 'The backup lineage that it belongs to.' }),
    operationId: z.string().nullable().meta({ description: 'null: its host took it by itself.' }),
    type: z.enum(BACKUP_TYPES),
    state: z.enum(BACKUP_STATES).meta({ description: '`expired`: no site has a copy any more.' }),
    description: z.string().nullable(),
    requestedBy: z.string(),
    node: z.string().nullable().meta({ description: 'The data node that it was taken from.' }),
    nodeRole: z.enum(['primary', 'replica']).nullable(),
    version: z.string().meta({ description: 'Of PostgreSQL.' }),
    tool: z.string().nullable(),
    databaseBytes: z.number().int().nullable().meta({ description: 'Size of the database as it was.' }),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    startedAt: time,
    finishedAt: time.nullable(),
    copies: z.array(backupCopySchema).readonly(),
    links: z.object({ self: z.string(), cluster: z.string(), operation: z.string().nullable() }),
  })
  .meta({ id: 'Backup' });
export type BackupAnswer = z.infer<typeof backupSchema>;

/** `GET /v1/clusters/{cluster}/restores/window` */
export const restoreWindowSchema = z
  .object({
    earliest: time
      .nullable()
      .meta({ description: 'End of the oldest backup that is there; null: nothing can be restored.' }),
    latest: time.nullable().meta({
      description:
        'The newest commit in the archive, which is not the time by the clock; null: none since the oldest backup.',
    }),
    lastLsn: z.string().nullable().meta({ description: 'Where the last record of the archive begins.' }),
    gaps: z
      .array(z.object({ from: time, to: time, fromLsn: z.string(), toLsn: z.string() }))
      .meta({ description: 'Parts of the log that no site has: nothing in between these ends can be restored.' }),
    asOf: z.enum(['now', 'last look']).meta({
      description: '`last look`: the cluster or a worker did not answer, and this was true when it last did.',
    }),
    timelineId: z
      .string()
      .nullable()
      .meta({ description: 'The backup lineage; null when there is none (yet, or any more).' }),
  })
  .meta({ id: 'RestoreWindow' });
export type RestoreWindowAnswer = z.infer<typeof restoreWindowSchema>;
