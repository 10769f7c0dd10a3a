import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { backupPolicy } from '../../activities/inventory/rows';
import type { BackupSchedules } from '../../activities/schedules/schedules';
import { nextDrills, nextDumps, nextRuns } from '../../domain/backup-times';
import { BACKUP_TYPES } from '../../domain/backups';
import type { ClusterId } from '../../domain/ids';
import { createOnce, readIfThere, replaceFile } from './files';
import type { World } from './world';

const NEXT = 3;
const stored = z.object({ policy: backupPolicy });

/**
 * Schedules of a world: `schedules/<cluster>`, and `occasions/<cluster>/…` for what was asked for at once. They belong to no
 * process and take no backup: what they were told is what a test looks at.
 */
export function createSimulatedSchedules(world: World): BackupSchedules {
  const fileOf = (clusterId: ClusterId): string => join(world.folder, 'schedules', clusterId);
  return {
    ensure(cluster, policy) {
      mkdirSync(join(world.folder, 'schedules'), { recursive: true });
      replaceFile(fileOf(cluster.id), JSON.stringify({ policy }));
      return Promise.resolve();
    },
    trigger(clusterId, type, occasion) {
      createOnce(join(world.folder, 'occasions', clusterId, `${type}-${occasion}`), '');
      return Promise.resolve();
    },
    remove(clusterId) {
      rmSync(fileOf(clusterId), { force: true });
      return Promise.resolve();
    },
    describe(clusterId) {
      const text = readIfThere(fileOf(clusterId));
      if (text === null) return Promise.resolve([]);
      const { policy } = stored.parse(JSON.parse(text));
      const states = BACKUP_TYPES.flatMap((type) => {
        const cron = policy.schedule[type];
        if (cron === null) return [];
        return [
          { type, cron, paused: policy.paused, nextRuns: nextRuns(policy, type, NEXT, new Date()), lastRun: null },
        ];
      });
      const { drill, dumps, paused } = policy;
      const others = [
        { type: 'drill', cron: drill, nextRuns: nextDrills(policy, NEXT, new Date()) },
        { type: 'dump', cron: dumps.schedule, nextRuns: nextDumps(policy, NEXT, new Date()) },
      ] as const;
      const wanted = others.flatMap(({ cron, ...other }) =>
        cron === null ? [] : [{ ...other, cron, paused, lastRun: null }],
      );
      return Promise.resolve([...states, ...wanted]);
    },
  };
}
