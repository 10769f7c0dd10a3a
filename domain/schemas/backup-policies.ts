import { z } from 'zod';
import { backupPolicySchema } from './backups';

const runs = z.array(z.string().meta({ format: 'date-time' })).readonly();

/** `GET /v1/clusters/{cluster}/backup-policy` */
export const backupPolicyDetailSchema = backupPolicySchema
  .extend({
    nextRuns: z.object({ full: runs, differential: runs, incremental: runs, drill: runs, dump: runs }).meta({
      description:
        'The next three times of each type, in UTC; a backup begins within a minute of it, a dump within ten, a drill within three hours. None while it is paused.',
    }),
  })
  .meta({ id: 'BackupPolicyDetail' });

export type BackupPolicyDetailAnswer = z.infer<typeof backupPolicyDetailSchema>;
