import { z } from 'zod';
import { DRILL_STATES } from '../drills';
import { dataChecksSchema } from './restored';
import { restoreTargetOutSchema } from './restores';

/** Drills, as the API tells of them. */

const time = z.string().meta({ format: 'date-time' });

export const drillSchema = z
  .object({
    id: z.string(),
    clusterId: z.string().meta({ description: 'Whose backups are restored.' }),
    timelineId: z.string().meta({ description: 'The backup lineage that they belong to.' }),
    operationId: z.string(),
    restoredClusterId: z.string().meta({ description: 'What is made for it, and is gone when it has ended.' }),
    state: z.enum(DRILL_STATES).meta({ description: '`skipped`: there was no room for its host.' }),
    requestedBy: z.string(),
    target: restoreTargetOutSchema.nullable().meta({ description: 'Where the restore was to stop: chosen by chance.' }),
    site: z.string().nullable().meta({ description: 'The site that was read: chosen by chance.' }),
    setId: z
      .string()
      .nullable()
      .meta({ description: "pgBackRest's name of the backup that it began with.", example: '20261121-063000F' }),
    restoredTo: time.nullable().meta({ description: 'The newest commit that came back.' }),
    databaseBytes: z.number().int().nullable().meta({ description: 'Of all databases, as they came back.' }),
    checks: dataChecksSchema,
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    startedAt: time,
    provenAt: time.nullable().meta({ description: 'When the data had been restored and checked.' }),
    finishedAt: time.nullable(),
    links: z.object({ self: z.string(), cluster: z.string(), operation: z.string() }),
  })
  .meta({ id: 'Drill' });

/** One drill, with how long each part of it took. */
export const drillDetailSchema = drillSchema
  .extend({
    phases: z
      .array(z.object({ step: z.string(), title: z.string(), state: z.string(), seconds: z.number().nullable() }))
      .readonly()
      .meta({ description: 'The steps of its operation; `seconds` is null for what has not ended.' }),
  })
  .meta({ id: 'DrillDetail' });

export type DrillAnswer = z.infer<typeof drillSchema>;
export type DrillDetailAnswer = z.infer<typeof drillDetailSchema>;

/** On a cluster. */
export const provenRestoreSchema = z
  .object({
    drillId: z.string(),
    provenAt: time,
    target: restoreTargetOutSchema,
    site: z.string(),
    seconds: z.number().meta({ description: 'From the order until all was checked.' }),
  })
  .meta({ id: 'ProvenRestore' });
