import { z } from 'zod';
import { DUMP_STATES } from '../dumps';

/** Logical dumps: what is asked for, and what the API tells of them. */

const MAX_DESCRIPTION = 200;
/** What PostgreSQL keeps of a name, in bytes. */
const MAX_NAME = 63;
const MIN_URL_S = 60;
/** S3 signs for a week at most. */
const MAX_URL_S = 604_800;
const USUAL_URL_S = 3_600;

const time = z.string().meta({ format: 'date-time' });
// The last one is what the pooler calls its own console.
const RESERVED = ['postgres', 'template0', 'template1', 'pgbouncer'];

/** Any name that PostgreSQL takes, whoever made the database. */
export const dumpDatabaseSchema = z
  .string()
  .min(1)
  .refine((name) => new TextEncoder().encode(name).length <= MAX_NAME, `must have at most ${MAX_NAME} bytes`)
  .regex(/^[^\x00]*$/, 'cannot hold a NUL character')
  .refine(
    (name) => !RESERVED.includes(name) && !name.startsWith('holdfast_'),
    `is no database of yours: ${RESERVED.join(', ')} and holdfast_… are the server's own`,
  );

/** `POST /v1/clusters/{cluster}/dumps` */
export const takeDumpSchema = z
  .strictObject({
    database: dumpDatabaseSchema.optional().meta({
      description: "The database to dump; the cluster's first one by default.",
      example: 'app',
    }),
    all: z
      .boolean()
      .default(false)
      .meta({ description: 'true: all databases, with the roles (without their passwords).' }),
    description: z
      .string()
      .min(1)
      .max(MAX_DESCRIPTION)
      .regex(/^[^\x00-\x1f\x7f-\x9f]*$/, 'must be one line without control characters')
      .optional()
      .meta({ description: 'For people.', example: 'before the migration' }),
  })
  .refine(({ database, all }) => database === undefined || !all, {
    path: ['database'],
    message: 'cannot be named when `all` are asked for: leave one of them out',
  })
  .meta({ id: 'TakeDump' });
export type TakeDumpRequest = z.input<typeof takeDumpSchema>;

/** `POST /v1/dumps/{dump}/download` */
export const downloadDumpSchema = z
  .strictObject({
    expiresInSeconds: z
      .number()
      .int()
      .min(MIN_URL_S)
      .max(MAX_URL_S)
      .default(USUAL_URL_S)
      .meta({ description: 'How long the URL works.' }),
    site: z.string().max(100).optional().meta({ description: 'From this site; the first that has it by default.' }),
  })
  .meta({ id: 'DownloadDump' });
export type DownloadDumpRequest = z.input<typeof downloadDumpSchema>;

export const dumpDownloadSchema = z
  .object({
    url: z.string().meta({ description: 'Whoever has it can fetch the dump until it expires: keep it to yourself.' }),
    expiresAt: time,
    site: z.string(),
    fileName: z.string().meta({ example: 'dmp_01m7xfpycdf6dnev2ndz8p0wht.tar' }),
    sizeBytes: z.number().int(),
    checksum: z.string().meta({ description: 'SHA-256 of what is fetched, in hexadecimal digits.' }),
    caCertificate: z
      .string()
      .nullable()
      .meta({ description: 'The authority to trust for the site; null: one that systems know.' }),
  })
  .meta({ id: 'DumpDownload' });
export type DumpDownloadAnswer = z.infer<typeof dumpDownloadSchema>;

/** `POST /v1/dumps/{dump}/restores` */
export const restoreDumpSchema = z
  .strictObject({
    cluster: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .meta({ description: 'Name or id of the cluster to restore into; the one that was dumped by default.' }),
    source: dumpDatabaseSchema.optional().meta({
      description: 'Which database of the dump; may be left out where it has one only.',
    }),
    database: dumpDatabaseSchema
      .optional()
      .meta({ description: 'Name that the database gets; the same as in the dump by default.', example: 'app_before' }),
    replace: z.boolean().default(false).meta({
      description: 'true: a database that has this name is dropped once the dump is restored beside it.',
    }),
  })
  .meta({ id: 'RestoreDump' });
export type RestoreDumpRequest = z.input<typeof restoreDumpSchema>;
export type RestoreDump = z.output<typeof restoreDumpSchema>;

export const dumpSchema = z
  .object({
    id: z.string(),
    clusterId: z.string(),
    clusterName: z.string(),
    timelineId: z.string().meta({ description: 'The backup lineage whose accounts on the sites it uses.' }),
    operationId: z.string(),
    database: z.string().nullable().meta({
      description: 'What was asked for; null: all databases and the roles, unless `selection` names some.',
    }),
    selection: z
      .array(z.string())
      .readonly()
      .nullable()
      .meta({ description: 'Several databases that were asked for by name, by the policy of backups; else null.' }),
    sites: z
      .array(z.string())
      .readonly()
      .nullable()
      .meta({ description: 'Sites that are to have it; null: all of the cluster.' }),
    databases: z
      .array(z.string())
      .readonly()
      .meta({ description: 'What is in it: the first one is `databases/1` of the archive.' }),
    state: z.enum(DUMP_STATES),
    description: z.string().nullable(),
    requestedBy: z.string(),
    node: z.string().nullable().meta({ description: 'The data node that it was taken from.' }),
    nodeRole: z.enum(['primary', 'replica']).nullable(),
    version: z.string().meta({ description: 'Of PostgreSQL.' }),
    sizeBytes: z.number().int().nullable().meta({ description: 'Of the archive, on each site.' }),
    checksum: z.string().nullable().meta({ description: 'SHA-256 of the archive, in hexadecimal digits.' }),
    databaseBytes: z.number().int().nullable().meta({ description: 'Size of the databases as they were.' }),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    startedAt: time,
    finishedAt: time.nullable(),
    durationMs: z.number().int().nullable(),
    copies: z.array(z.object({ site: z.string(), storedAt: time })).readonly(),
    links: z.object({ self: z.string(), cluster: z.string(), operation: z.string() }),
  })
  .meta({ id: 'Dump' });
export type DumpAnswer = z.infer<typeof dumpSchema>;
