import { z } from 'zod';

/** Of an operation that gives a node a fresh host. */
export const replacementSchema = z
  .object({
    former: z
      .object({
        hostId: z.string().nullable().meta({ description: "The cloud's id." }),
        privateAddress: z.string().nullable(),
      })
      .nullable()
      .meta({ description: 'The host that it had before; null until it was looked up.' }),
  })
  .meta({ id: 'Replacement' });
