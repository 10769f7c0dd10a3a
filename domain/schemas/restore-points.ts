import { z } from 'zod';

/** Places in the log that have a name. */

/** What PostgreSQL keeps of the name of a restore point, in bytes. */
const MAX_BYTES = 63;

export const restorePointNameSchema = z
  .string()
  .min(1)
  .refine((name) => new TextEncoder().encode(name).length <= MAX_BYTES, `must have at most ${MAX_BYTES} bytes`)
  .regex(/^[^\x00-\x1f\x7f-\x9f'"\\]*$/, 'cannot hold quotes, backslashes or control characters');

/** `POST /v1/clusters/{cluster}/restore-points` */
export const createRestorePointSchema = z
  .strictObject({ name: restorePointNameSchema.meta({ example: 'before_release_7' }) })
  .meta({ id: 'CreateRestorePoint' });
/** As a client writes it. */
export type CreateRestorePointRequest = z.input<typeof createRestorePointSchema>;

export const restorePointSchema = z
  .object({
    name: z.string(),
    lsn: z.string().meta({ description: 'Position in the log: what begins before it is part of the point.' }),
    madeAt: z.string().meta({ format: 'date-time' }),
    requestedBy: z.string(),
    timelineId: z.string(),
    operationId: z.string(),
  })
  .meta({ id: 'RestorePoint' });
export type RestorePointAnswer = z.infer<typeof restorePointSchema>;
