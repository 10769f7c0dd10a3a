import { z } from 'zod';

/** One field that is wrong: where it stands and what would be right. */
export const fieldErrorSchema = z
  .object({
    in: z.enum(['body', 'query', 'path', 'header']),
    pointer: z.string().meta({ description: 'JSON pointer (RFC 6901) into that part.', example: '/allowedIps/0' }),
    code: z.string(),
    message: z.string(),
  })
  .meta({ id: 'FieldError' });

/** RFC 9457. Every answer that is not 2xx or 3xx has this shape. */
export const problemSchema = z
  .object({
    type: z.string().meta({ description: 'Same as docUrl.', example: '/v1/errors/CLUSTER_BUSY' }),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().meta({ description: 'What is wrong and what to do about it.' }),
    instance: z.string().meta({ description: 'Path of the request.' }),
    code: z.string().meta({ description: 'Stable; programs decide by it.', example: 'CLUSTER_BUSY' }),
    errors: z.array(fieldErrorSchema).readonly().optional(),
    operation: z
      .string()
      .optional()
      .meta({ description: 'The operation that is in the way.', example: '/v1/operations/op_…' }),
    cluster: z.string().optional().meta({
      description: 'The cluster that is in the way; of NOT_FOUND the one that was deleted, while it can be undeleted.',
      example: '/v1/clusters/clu_…',
    }),
    missing: z
      .object({ kind: z.string(), ref: z.string() })
      .optional()
      .meta({ description: 'Of NOT_FOUND: what was looked for.', example: { kind: 'backup', ref: 'bkp_…' } }),
    requestId: z.string(),
    retryable: z.boolean().meta({ description: 'True when the same request may succeed later.' }),
    docUrl: z.string(),
  })
  .meta({ id: 'Problem' });

export type FieldError = z.infer<typeof fieldErrorSchema>;
export type Problem = z.infer<typeof problemSchema>;
