import { z } from 'zod';

const time = z.string().meta({ format: 'date-time' });

/** `GET /v1/clusters/{cluster}/restores/window` */
export const restoreWindowSchema = z
  .object({
    earliest: time
      .nullable()
      .meta({ description: 'End of the oldest backup that is there; null: nothing can be restored.' }),
    latest: time.nullable().meta({
      description:
        'The newest commit in the archive, which is not the time by the clock; null: none since the oldest backup.',
    }),
    firstLsn: z.string().nullable().meta({
      description: 'Where the oldest backup that is there is consistent: no earlier position can be restored to.',
    }),
    lastLsn: z.string().nullable().meta({ description: 'Where the last record of the archive begins.' }),
    lastTransaction: z.string().nullable().meta({
      description:
        'The newest transaction that has ended, as `pg_current_xact_id()` numbers it: no later one can be restored to. Null unless `asOf` is `now`.',
    }),
    gaps: z
      .array(z.object({ from: time, to: time, fromLsn: z.string(), toLsn: z.string() }))
      .meta({ description: 'Parts of the log that no site has: nothing in between these ends can be restored.' }),
    asOf: z.enum(['now', 'last look']).meta({
      description: '`last look`: the cluster or a worker did not answer, and this was true when it last did.',
    }),
    timelineId: z
      .string()
      .nullable()
      .meta({ description: 'The backup lineage; null when there is none (yet, or any more).' }),
  })
  .meta({ id: 'RestoreWindow' });
export type RestoreWindowAnswer = z.infer<typeof restoreWindowSchema>;
