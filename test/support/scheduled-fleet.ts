import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import pino from 'pino';
import { createActivities } from '../../activities';
import type { Activities } from '../../activities';
import type { Fleet } from '../../activities/fleet';
import type { OpenInventory } from '../../activities/inventory/open';
import type { TemporalSchedules } from '../../activities/schedules/temporal';
import { openSchedules } from '../../activities/schedules/temporal';
import type { ClusterId } from '../../domain/ids';
import type { OperationSummary } from '../../domain/operations';
import { bundleWorkflows } from '../../workers/bundle';
import { createWorker } from '../../workers/worker';
import { openSimulatedFleet } from '../simulation/fleet';
import { eventually } from './eventually';
import type { ScratchInventory } from './inventory';
import { openScratchInventory } from './inventory';
import { startTemporal } from './temporal';

/** Real Schedules of a real Temporal server over the real inventory: only the hosts are not there. */
export interface ScheduledFleet {
  readonly opened: ScratchInventory;
  readonly inventory: OpenInventory;
  readonly temporal: TestWorkflowEnvironment;
  readonly schedules: TemporalSchedules;
  readonly fleet: Fleet;
  /** The product's, of a fleet with these schedules. */
  readonly activities: Activities;
  readonly taskQueue: string;
  /** Runs a worker while `act` runs: the product's activities, but what would work on hosts, and but `own`. */
  withWorker<T>(act: () => Promise<T>, own?: Partial<Activities>): Promise<T>;
  /** Newest first. */
  backupsOf(clusterId: ClusterId): Promise<readonly OperationSummary[]>;
  /** Waits until so many of the cluster's backups have ended well. @throws when there are others then. */
  succeeded(clusterId: ClusterId, count: number): Promise<readonly OperationSummary[]>;
  close(): Promise<void>;
}

const TASK_QUEUE = 'backup-schedules';

export async function openScheduledFleet(): Promise<ScheduledFleet> {
  const deadlines = join(__dirname, 'workflows', 'short-waits.ts');
  const [opened, temporal, code] = await Promise.all([
    openScratchInventory(),
    startTemporal(),
    bundleWorkflows({ deadlines }),
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-schedules-'));
  const schedules = openSchedules({ address: temporal.address, taskQueue: TASK_QUEUE });
  const simulated = await openSimulatedFleet(join(folder, 'world'), join(folder, 'home'), opened.scratch.url);
  const fleet: Fleet = { ...simulated, schedules };
  const activities = createActivities(fleet);
  const { inventory } = opened;

  const backupsOf = async (clusterId: ClusterId): Promise<readonly OperationSummary[]> => {
    const operations = await inventory.operations.list(opened.project, { limit: 50, clusterId });
    return operations.filter(({ kind }) => kind === 'backup');
  };
  return {
    opened,
    inventory,
    temporal,
    schedules,
    fleet,
    activities,
    taskQueue: TASK_QUEUE,
    async withWorker(act, own = {}) {
      const onHosts: Partial<Activities> = {
        prepareStanza: () => Promise.resolve(),
        takeBackup: () => Promise.resolve(),
        expireBackups: () => Promise.resolve(),
        recordBackups: (at) => inventory.backups.succeed(at),
      };
      const worker = await createWorker({
        connection: temporal.nativeConnection,
        activities: { ...activities, ...onHosts, ...own },
        operations: inventory.operations,
        log: pino({ level: 'silent' }),
        workflowBundle: { code },
        taskQueue: TASK_QUEUE,
        pace: { heartbeatMs: 200, stickyMs: 500 },
      });
      return worker.runUntil(act());
    },
    backupsOf,
    async succeeded(clusterId, count) {
      const all = await eventually(async () => {
        const found = await backupsOf(clusterId);
        return found.filter(({ state }) => state === 'succeeded').length === count && found;
      });
      if (all.length !== count) throw new Error(`there are ${all.length} backups`);
      return all;
    },
    async close() {
      await schedules.close();
      await simulated.inventory.close();
      await temporal.teardown();
      rmSync(folder, { recursive: true, force: true });
      await opened.close();
    },
  };
}
