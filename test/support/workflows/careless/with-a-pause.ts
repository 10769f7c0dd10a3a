import { sleep } from '@temporalio/workflow';
import type { HostCheck } from '../../../../domain/hosts';
import type { RestoreWindow } from '../../../../domain/backups';
import type { HostId } from '../../../../domain/ids';
import type { SiteCheck } from '../../../../domain/sites';
import type { BackupDueOutcome, ScheduledBackup } from '../../../../workflows/backup-due';
import { backupDue as realDue } from '../../../../workflows/backup-due';
import { checkHost as realCheck } from '../../../../workflows/check-host';
import { checkSites as realSiteCheck } from '../../../../workflows/check-sites';
import type { ClusterState } from '../../../../workflows/cluster';
import { clusterWorkflow as realCluster } from '../../../../workflows/cluster';
import type { DrillDueOutcome, ScheduledDrill } from '../../../../workflows/drill-due';
import { drillDue as realDrillDue } from '../../../../workflows/drill-due';
import type { DumpDueOutcome, ScheduledDump } from '../../../../workflows/dump-due';
import { dumpDue as realDumpDue } from '../../../../workflows/dump-due';
import { lookAtWindow as realLook } from '../../../../workflows/look-at-window';
import type { HousekeepingOutcome } from '../../../../workflows/housekeeping';
import { housekeeping as realHousekeeping } from '../../../../workflows/housekeeping';
import { watch as realWatch } from '../../../../workflows/watch';

/** Workflows that wait before they begin. */

export async function clusterWorkflow(state: ClusterState): Promise<void> {
  await sleep('1 second');
  await realCluster(state);
}

export async function checkHost(id: HostId): Promise<readonly HostCheck[]> {
  await sleep('1 second');
  return realCheck(id);
}

export async function checkSites(): Promise<readonly SiteCheck[]> {
  await sleep('1 second');
  return realSiteCheck();
}

export async function backupDue(wanted: ScheduledBackup): Promise<BackupDueOutcome> {
  await sleep('1 second');
  return realDue(wanted);
}

export async function drillDue(wanted: ScheduledDrill): Promise<DrillDueOutcome> {
  await sleep('1 second');
  return realDrillDue(wanted);
}

export async function dumpDue(wanted: ScheduledDump): Promise<DumpDueOutcome> {
  await sleep('1 second');
  return realDumpDue(wanted);
}

export async function housekeeping(): Promise<HousekeepingOutcome> {
  await sleep('1 second');
  return realHousekeeping();
}

export async function lookAtWindow(...look: Parameters<typeof realLook>): Promise<RestoreWindow | null> {
  await sleep('1 second');
  return realLook(...look);
}

export async function watch(): Promise<void> {
  await sleep('1 second');
  await realWatch();
}
