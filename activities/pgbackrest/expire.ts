import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { fullBackupsToKeep } from '../../domain/retention';
import type { Fleet } from '../fleet';
import { fencedHostOf, viewCluster } from '../fleet';
import { jobUnit } from '../host/jobs';
import { runJob } from '../host/run-job';
import { sh } from '../host/shell';
import { findPrimary } from '../postgres/psql';
import { expireArguments, pgbackrest } from './commands';
import { BACKUP_CONFIG_FILE } from './config';
import { currentLineage } from './lineage';
import { lookIntoStores } from './stores';

/** It deletes many objects, and tells little of it. */
const STALL_MS = 15 * 60_000;

/** See {@link BackupActivities.expireBackups}. */
export async function expireBackups(fleet: Fleet, at: StepRef): Promise<void> {
  const view = await viewCluster(fleet, at.clusterId);
  const lineage = await currentLineage(fleet, view);
  const { backups: policy } = view.cluster.spec;
  if (!lineage || !policy) return;
  const tell = (what: string): Promise<void> =>
    fleet.inventory.operations.recordProgress(at.operationId, at.stepId, what.slice(0, 300));
  if (await fleet.inventory.timelines.isRead(lineage.timeline.id))
    return tell('left to the next backup: a restore reads what is there');
  const host = fencedHostOf(fleet, at, view, await findPrimary(fleet, view));
  for (const [i, { site, info }] of (await lookIntoStores(host, lineage)).entries()) {
    const kept = fullBackupsToKeep(info.sets, policy.retention, new Date());
    if (kept === null) continue;
    const command = pgbackrest(BACKUP_CONFIG_FILE, lineage.timeline.id, ...expireArguments(i + 1, kept));
    const job = {
      unit: jobUnit(at.operationId, `expire-${site}`, at.lane),
      description: `Holdfast: expire backups on ${site}`,
      user: 'postgres',
      command: sh`exec ${command} 2>&1`,
    };
    try {
      await runJob(host, job, { stallMs: STALL_MS });
    } catch (error) {
      // The backup itself is there; the next one expires what this one could not.
      if (!(error instanceof HoldfastError) || error.code !== 'HOST_JOB_FAILED') throw error;
      await tell(`${site}: ${error.message}`);
    }
  }
}
