import { z } from 'zod';
import { dumpDatabaseSchema } from './dumps';
import { restoreTargetSchema } from './restores';

/** `POST /v1/clusters/{cluster}/restores/database` */
export const restoreDatabaseSchema = z
  .strictObject({
    source: dumpDatabaseSchema.optional().meta({
      description: "The database to take out of the backups; the cluster's first one by default.",
      example: 'sales',
    }),
    target: restoreTargetSchema.optional().meta({ description: 'Where to stop; as late as possible by default.' }),
    site: z
      .string()
      .max(100)
      .optional()
      .meta({ description: 'Read from this site; the first that can be read by default.' }),
    cluster: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .meta({ description: 'Name or id of the cluster that it goes into; the one that it is from by default.' }),
    database: dumpDatabaseSchema
      .optional()
      .meta({ description: 'Name that it gets; the same by default.', example: 'sales_before' }),
    replace: z.boolean().default(false).meta({
      description: 'true: a database that has this name is dropped once the other one is restored beside it.',
    }),
  })
  .meta({ id: 'RestoreDatabase' });
export type RestoreDatabase = z.output<typeof restoreDatabaseSchema>;
/** As a client writes it. */
export type RestoreDatabaseRequest = z.input<typeof restoreDatabaseSchema>;
