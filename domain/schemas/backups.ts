import { z } from 'zod';
import {
  DEFAULT_SCRIPT_SECONDS,
  MAX_SCRIPT_BYTES,
  MAX_SCRIPT_SECONDS,
  NOTIFY_EVENTS,
  SCRIPT_PHASES,
  SCRIPT_STATES,
} from '../backup-hooks';
import { BACKUP_STATES, BACKUP_TYPES, RETENTION_UNITS } from '../backups';
import { dumpDatabaseSchema } from './dumps';
import { cronSchema, timeZoneSchema } from './schedules';

/** Physical backups: what is asked for, and what the API tells of them. */

const MAX_SITES = 3;
const MAX_DATABASES = 100;
/** Ten years of days. */
const MAX_KEPT = 3650;
const MAX_DESCRIPTION = 200;
const MAX_NOTIFY = 20;
const MAX_TOLD = 200;

const time = z.string().meta({ format: 'date-time' });
const times = cronSchema.nullable().optional();

function checkSites(sites: readonly string[], issues: z.core.$RefinementCtx): void {
  for (const [i, site] of sites.entries()) {
    if (sites.indexOf(site) === i) continue;
    issues.addIssue({ code: 'custom', path: [i], message: `is there twice: ${site} gets one copy only` });
  }
}

const sitesSchema = z.array(z.string().max(100)).min(1).max(MAX_SITES).superRefine(checkSites).readonly();

function once(names: readonly string[], issues: z.core.$RefinementCtx): void {
  for (const [i, name] of names.entries()) {
    if (names.indexOf(name) !== i) issues.addIssue({ code: 'custom', path: [i], message: 'is there twice' });
  }
}

const UNPRINTABLE = /\p{Surrogate}/u;

function checkScript(text: string, issues: z.core.$RefinementCtx): void {
  const wrong = (message: string): void => issues.addIssue({ code: 'custom', message });
  if (new TextEncoder().encode(text).length > MAX_SCRIPT_BYTES) wrong(`must have at most ${MAX_SCRIPT_BYTES} bytes`);
  if (text.trim() === '') wrong('must not be empty: null runs none');
  if (/[\0\r]/.test(text) || UNPRINTABLE.test(text))
    wrong('must be plain text in UTF-8, with lines that end with a line feed alone');
}

const hookSchema = z
  .strictObject({
    script: z.string().superRefine(checkScript).meta({
      description: 'Its text. What its first line names (#!) runs it, else a POSIX shell. No place for secrets.',
      example: '#!/bin/sh\ncurl --fail --silent https://ci.example.org/hold\n',
    }),
    timeoutSeconds: z.number().int().min(1).max(MAX_SCRIPT_SECONDS).default(DEFAULT_SCRIPT_SECONDS).meta({
      description: 'It is ended after so many seconds.',
    }),
  })
  .nullable()
  .optional();

const notifySchema = z
  .array(
    z.strictObject({
      event: z.enum(NOTIFY_EVENTS),
      to: z
        .string()
        .min(1)
        .max(MAX_TOLD)
        .regex(/^[^\x00-\x1f\x7f-\x9f]*$/, 'must be one line without control characters')
        .refine((text) => !UNPRINTABLE.test(text), 'must be text in UTF-8')
        .meta({ description: 'An address, a channel or a name.', example: 'dba@example.org' }),
    }),
  )
  .max(MAX_NOTIFY)
  .readonly();

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
    hooks: z.strictObject({ pre: hookSchema, post: hookSchema }).optional().meta({
      description:
        'Scripts that the host of a backup runs before and after it, as a user of its own; null: none. A `pre` that fails stops the backup, `post` runs whatever became of it.',
    }),
    notify: notifySchema.optional().meta({
      description: 'Whom to tell how backups, drills and dumps end: an event of the operation has the list.',
    }),
  })
  .meta({ id: 'BackupPolicyRequest' });
export type BackupPolicyRequest = z.output<typeof backupPolicyRequestSchema>;

/** Of an order: null takes none. */
export const orderedBackupsSchema = backupPolicyRequestSchema.nullable().optional().meta({
  description:
    'Physical backups and the archive of the log. Left out: weekly full, daily differential, hourly incremental, kept for 14 days, on the first two sites that the hosts can reach; none when there are no sites. null: none. A cluster without backups gets them later by a change of its policy.',
});

const shownHook = z.object({ script: z.string(), timeoutSeconds: z.number().int() }).nullable();

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
    hooks: z.object({ pre: shownHook, post: shownHook }),
    notify: z.array(z.object({ event: z.enum(NOTIFY_EVENTS), to: z.string() })).readonly(),
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

/** For how long one is kept, as the policy is now. */
const kept = {
  keptUntil: time.nullable().meta({
    description:
      'The backup that ends next after this time removes it, with all that builds on the same full backup: some days after a newer full one ended well, or some days after the cluster was deleted. null: `keptUntilFullBackups` says, or there is no copy to keep.',
  }),
  keptUntilFullBackups: z.number().int().nullable().meta({
    description:
      'So many more full backups must end well on its site: then it is removed, where the policy keeps a count of them, or its time is known, where it keeps them for days. 0: the next backup removes it. null: `keptUntil` says, or there is no copy to keep.',
  }),
};
const durationMs = z.number().int();

export const backupCopySchema = z
  .object({
    site: z.string(),
    setId: z.string().meta({ description: "pgBackRest's name of it.", example: '20261121-063000F' }),
    type: z.enum(BACKUP_TYPES).meta({ description: 'The first one on a site is full whatever was asked for.' }),
    path: z.string().meta({ description: 'Where it lies within the store.' }),
    databaseBytes: z
      .number()
      .int()
      .nullable()
      .meta({ description: 'Size of the database as it was for this copy: each is a backup of its own.' }),
    storedBytes: z.number().int().meta({ description: 'In the store, of this backup alone.' }),
    startedAt: time,
    finishedAt: time,
    durationMs,
    startLsn: z.string(),
    stopLsn: z.string(),
    damaged: z.boolean().meta({ description: "Checksums of PostgreSQL's pages did not fit when it was taken." }),
    removedAt: time.nullable().meta({ description: 'When it was found to have expired; null while it is there.' }),
    ...kept,
    manifestSha256: z.string().nullable().meta({
      description:
        "SHA-256 of pgBackRest's manifest of it, encrypted as the store has it under `path`, when the copy was written down. The manifest has the checksums of all files. A drill or a restore that finds another one fails. null: not known.",
    }),
    lastVerifiedAt: time.nullable().meta({
      description: 'When a drill or a restore that began with this copy last found nothing wrong; null: never.',
    }),
  })
  .meta({ id: 'BackupCopy' });

const scriptRunSchema = z
  .object({
    phase: z.enum(SCRIPT_PHASES),
    node: z.string(),
    state: z.enum(SCRIPT_STATES),
    exitCode: z.number().int().nullable().meta({ description: '124: it did not end in its time.' }),
    output: z.string().meta({ description: 'The end of what it wrote; of one that was not run, why.' }),
    finishedAt: time,
  })
  .meta({ id: 'BackupScriptRun' });

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
    schedule: z.enum(BACKUP_TYPES).nullable().meta({
      description:
        "The schedule of the policy that asked for it; a cluster's first one comes by that of full ones. null: none, `requestedBy` did.",
    }),
    node: z.string().nullable().meta({ description: 'The data node that it was taken from.' }),
    nodeRole: z.enum(['primary', 'replica']).nullable(),
    version: z.string().meta({
      description: 'Of PostgreSQL as it ran; the major alone until it has begun, and where nobody saw the minor.',
      example: '17.12',
    }),
    tool: z.string().nullable().meta({ description: 'What took it, with its version.', example: 'pgBackRest 2.60.0' }),
    parameters: z
      .object({
        compressType: z.string(),
        cipherType: z.string(),
        bundle: z.boolean().meta({ description: 'Small files are put together into larger ones.' }),
        block: z
          .boolean()
          .meta({ description: 'Of a large file that has changed only the blocks are copied that have.' }),
        processMax: z.number().int().meta({ description: 'Processes that copy at the same time.' }),
      })
      .nullable()
      .meta({
        description:
          "What the tool was told, by the names of pgBackRest's options. null: it has not begun, or its host took it by itself.",
      }),
    databaseBytes: z
      .number()
      .int()
      .nullable()
      .meta({ description: 'Size of the database as it was for its last copy.' }),
    storedBytes: z.number().int().meta({ description: 'Of all copies that are there.' }),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    startedAt: time,
    finishedAt: time.nullable(),
    durationMs: durationMs.nullable().meta({ description: 'null while it runs.' }),
    range: z.object({ from: time, to: time, fromLsn: z.string(), toLsn: z.string() }).nullable().meta({
      description:
        'While the database was copied, over all copies: the first one began at `from`, the last one was consistent at `to`. A restore to this backup gives the database as it was at the end of the copy that it reads. null: there is no copy yet.',
    }),
    ...kept,
    lastVerifiedAt: time.nullable().meta({ description: 'The latest of its copies.' }),
    copies: z.array(backupCopySchema).readonly(),
    scripts: z.array(scriptRunSchema).readonly().meta({ description: "The policy's scripts that were run for it." }),
    links: z.object({ self: z.string(), cluster: z.string(), operation: z.string().nullable() }),
  })
  .meta({ id: 'Backup' });
export type BackupAnswer = z.infer<typeof backupSchema>;
