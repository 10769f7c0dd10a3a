import { z } from 'zod';
import { MOST_MAINTENANCE_MINUTES } from '../maintenance';

/** `POST /v1/clusters/{cluster}/maintenance` */
export const beginMaintenanceSchema = z
  .strictObject({
    minutes: z
      .number()
      .int()
      .min(1)
      .max(MOST_MAINTENANCE_MINUTES)
      .meta({ description: 'From now on; it ends by itself. Said again it counts from then.', example: 60 }),
  })
  .meta({ id: 'BeginMaintenance' });
export type BeginMaintenanceRequest = z.input<typeof beginMaintenanceSchema>;

const time = z.string().meta({ format: 'date-time' });

export const maintenanceSchema = z
  .object({
    since: time,
    until: time.meta({ description: 'It ends then, by the clock of the inventory.' }),
    by: z.string().meta({ description: 'Name of the token that asked for it.' }),
  })
  .meta({ id: 'Maintenance' });
export type MaintenanceAnswer = z.infer<typeof maintenanceSchema>;
