import { z } from 'zod';
import { OPERATION_KINDS } from '../operations';

/** What an operation would do. Nothing was written to answer it. */
export const previewSchema = z
  .object({
    kind: z.enum(OPERATION_KINDS),
    changes: z
      .array(z.object({ action: z.enum(['create', 'change', 'delete']), what: z.string(), detail: z.string() }))
      .readonly(),
    impact: z
      .enum(['none', 'reload', 'restart', 'failover', 'data loss'])
      .meta({ description: 'On clients of the cluster.' }),
    checks: z
      .array(
        z.object({
          id: z.string(),
          status: z.enum(['passed', 'failed']),
          message: z.string(),
          fix: z.string().nullable().meta({ description: 'What to do when it failed.' }),
        }),
      )
      .readonly(),
    steps: z.array(z.object({ id: z.string(), title: z.string() })).readonly(),
    estimatedSeconds: z.number().int(),
    price: z.object({ euroCentsPerMonth: z.number().int() }).nullable(),
  })
  .meta({ id: 'Preview' });

export type PreviewAnswer = z.infer<typeof previewSchema>;
