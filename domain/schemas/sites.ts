import { z } from 'zod';
import { CLOUDS } from '../clusters';
import { ACCOUNT_KINDS, LONGEST_BUCKET, TIMELINE_SUFFIX_LENGTH } from '../sites';

/** Object stores: the file that names them, and what the API tells of them. */

const VISIBLE = /^[\x21-\x7e]+$/;

const nameSchema = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,30}$/,
    'must be 1 to 31 lower-case letters, digits and hyphens, beginning with a letter, such as primary',
  );

const endpointSchema = z
  .string()
  .refine(isEndpoint, 'must be https://host or https://host:port, without a path: backups never travel without TLS')
  .transform((text) => new URL(text).origin);

/** Keys are never told in what is wrong with them. */
const keySchema = z.string().regex(VISIBLE, 'must be a key of visible ASCII characters');

const siteSchema = z
  .strictObject({
    name: nameSchema,
    endpoint: endpointSchema,
    hostEndpoint: endpointSchema.optional(),
    region: z
      .string()
      .regex(/^[a-z0-9-]{1,63}$/, 'must be a region, such as us-east-1')
      .default('us-east-1'),
    bucket: z
      .string()
      .regex(
        /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
        'must be the name of a bucket: 3 to 63 lower-case letters and digits',
      ),
    pathStyle: z.boolean().default(true),
    caFile: z.string().min(1).optional(),
    accounts: z.enum(ACCOUNT_KINDS).default('shared'),
    clouds: z.array(z.enum(CLOUDS)).min(1, 'must name a cloud').readonly().default(CLOUDS),
    accessKey: keySchema,
    secretKey: keySchema,
  })
  .refine(({ accounts, bucket }) => accounts === 'shared' || bucket.length <= LONGEST_BUCKET - TIMELINE_SUFFIX_LENGTH, {
    path: ['bucket'],
    message: `must have at most ${LONGEST_BUCKET - TIMELINE_SUFFIX_LENGTH} characters where each timeline has a bucket of its own, named after it`,
  });

/** The sites file. Its order is the order of preference. */
export const sitesFileSchema = z.strictObject({
  sites: z
    .array(siteSchema)
    .refine((sites) => new Set(sites.map(({ name }) => name)).size === sites.length, 'must have names of their own')
    .readonly(),
});
export type SitesFile = z.input<typeof sitesFileSchema>;
export type SiteEntry = z.output<typeof siteSchema>;

/** One site of `GET /v1/sites`. */
export const siteReportSchema = z
  .object({
    name: z.string().meta({ example: 'primary' }),
    endpoint: z.string().meta({ example: 'https://s3.example.net' }),
    bucket: z.string().meta({ example: 'holdfast' }),
    clouds: z.array(z.enum(CLOUDS)).readonly().meta({ description: 'Clouds whose hosts can reach it.' }),
    ok: z.boolean().meta({ description: 'An object was written, read back and deleted.' }),
    message: z.string(),
    remedy: z.string().nullable().meta({ description: 'What to do when it is not ok.' }),
    durationMs: z.number().int().meta({ description: 'How long that took, in milliseconds.' }),
  })
  .meta({ id: 'SiteReport' });
export type SiteReportAnswer = z.infer<typeof siteReportSchema>;

function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, origin } = new URL(text);
  // What is typed is what is used: no path, no query, no password that would stand in logs.
  return protocol === 'https:' && text.toLowerCase().replace(/(?::443)?\/?$/, '') === origin;
}
