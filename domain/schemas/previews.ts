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
      .enum(['none', 'reload', 'restart', 'failover', 'outage', 'data loss'])
      .meta({ description: 'On clients of the cluster; `outage`: nobody is served until somebody ends that.' }),
    loss: z.string().optional().meta({
      description: 'What of the data is lost by it, for people, and for how long that is kept. Left out: nothing.',
      example: 'what was written since the time 2026-11-21T14:02:00Z, which is kept for 24 hours',
    }),
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
    steps: z
      .array(
        z.object({
          id: z.string(),
          title: z.string(),
          note: z.string().optional().meta({
            description: 'Why there will be nothing to do in it, or in a part of it. Left out: there will be.',
          }),
        }),
      )
      .readonly(),
    estimatedSeconds: z.number().int(),
    price: z.object({ euroCentsPerMonth: z.number().int() }).nullable(),
  })
  .meta({ id: 'Preview' });

export type PreviewAnswer = z.infer<typeof previewSchema>;
