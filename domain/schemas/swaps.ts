import { z } from 'zod';
import { restoreTargetSchema } from './restores';

/** Restores in place, and what they keep: what requests say and what is told. */

const confirm = z.string().optional().meta({ description: 'The name of the cluster, typed again.', example: 'shop' });

/** `POST /v1/clusters/{cluster}/restores/in-place` */
export const restoreInPlaceSchema = z
  .strictObject({
    target: restoreTargetSchema.meta({
      description:
        'Where to stop. It has to be said: `{"latest": true}` brings the newest state back, and so undoes nothing.',
      example: { time: '2026-11-21T14:02:00+01:00' },
    }),
    site: z
      .string()
      .max(100)
      .optional()
      .meta({ description: 'Read from this site; the first that can be read by default.' }),
    confirm,
  })
  .meta({ id: 'RestoreInPlace' });
/** As a client writes it. */
export type RestoreInPlaceRequest = z.input<typeof restoreInPlaceSchema>;

/** `POST /v1/clusters/{cluster}/restores/rollback` */
export const rollbackSchema = z.strictObject({ confirm }).meta({ id: 'Rollback' });

const time = z.string().meta({ format: 'date-time' });

export const keptDataSchema = z
  .object({
    operationId: z.string().meta({ description: 'The restore in place, or the rollback, that keeps it.' }),
    node: z.string().nullable().meta({ description: 'The data node that has it.' }),
    bytes: z.number().int().nullable(),
    swappedAt: time.nullable().meta({ description: 'It is what was there until then.' }),
    until: time.nullable().meta({ description: 'It is deleted then, unless it is put back before.' }),
  })
  .meta({ id: 'KeptData' });
export type KeptDataAnswer = z.infer<typeof keptDataSchema>;
