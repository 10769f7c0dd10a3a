import { z } from 'zod';

/** What restores read and found, as the API tells of it. */

const setId = z.string().meta({ description: "pgBackRest's name of the set.", example: '20261121-063000F' });

export const dataChecksSchema = z
  .array(z.object({ name: z.string(), passed: z.boolean(), detail: z.string() }))
  .readonly();

/** On an operation. */
export const restoredSchema = z
  .object({
    from: z
      .object({
        site: z.string().meta({ description: 'The site that the data was read from.' }),
        setId,
        insteadOf: z.string().nullable().meta({
          description:
            'The site that is read first: it did not answer, went away or has a damaged file, or no set that leads to the target. null: it is that one.',
        }),
      })
      .nullable(),
    checks: dataChecksSchema.meta({ description: 'What was looked at in what came back.' }),
  })
  .meta({ id: 'Restored' });

/** On a cluster. */
export const restoredFromSchema = z
  .object({ operationId: z.string(), site: z.string(), setId })
  .meta({ id: 'RestoredFrom' });
