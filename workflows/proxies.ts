import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { ActivityOptions } from '@temporalio/workflow';
import type { CloudActivities } from '../activities/cloud/activities';
import type { PreflightActivities } from '../activities/cloud/preflight';
import type { DrillActivities } from '../activities/drills/activities';
import type { DumpActivities } from '../activities/dumps/activities';
import type { ExtractActivities } from '../activities/dumps/extract';
import type { DumpRestoreActivities } from '../activities/dumps/restore';
import type { EtcdActivities } from '../activities/etcd/activities';
import type { ExporterActivities } from '../activities/exporters/activities';
import type { GatewayActivities } from '../activities/gateway/activities';
import type { InventoryActivities } from '../activities/inventory/activities';
import type { NodeActivities } from '../activities/nodes/activities';
import type { PatroniActivities } from '../activities/patroni/activities';
import type { BackupActivities } from '../activities/pgbackrest/activities';
import type { HookActivities } from '../activities/pgbackrest/hooks';
import type { WindowActivities } from '../activities/pgbackrest/look';
import type { PolicyActivities } from '../activities/pgbackrest/policy';
import type { HousekeepingActivities } from '../activities/housekeeping/activities';
import type { ScheduleActivities } from '../activities/schedules/activities';
import type { RecoveryActivities } from '../activities/recovery/activities';
import type { ReplacementActivities } from '../activities/replacement/activities';
import type { RestoreActivities } from '../activities/pgbackrest/restore';
import type { RestorePointActivities } from '../activities/pgbackrest/restore-points';
import type { PostgresActivities } from '../activities/postgres/activities';
import type { PowerActivities } from '../activities/power/activities';
import type { SecretActivities } from '../activities/secrets/activities';
import type { SoftwareActivities } from '../activities/software/activities';
import type { StorageActivities } from '../activities/storage/activities';
import type { SwitchoverActivities } from '../activities/switchover/activities';
import type { SwapActivities } from '../activities/swap/activities';
import type { WatchActivities } from '../activities/watch/activities';
import {
  COPY_ATTEMPTS,
  DUE_DEADLINE,
  FIRST_RETRY,
  HEARTBEAT_TIMEOUT,
  LONG_DEADLINE,
  LONGEST_RETRY,
  QUICK_DEADLINE,
  REMOTE_DEADLINE,
} from './deadlines';

/**
 * How workflows call activities: one proxy for each thing touched, with its retry class.
 *
 * Errors that no retry cures are not retryable and leave the operation waiting for attention; so do others that last until
 * the step's deadline (`scheduleToCloseTimeout`). What is merely away is waited for without end (operation.ts).
 */

// TRY_CANCEL is the SDK's actual default: compensation would then run while the activity still works.
const common = {
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  // Every activity heartbeats (workers/activity-interceptor.ts): one whose worker died is noticed by its silence.
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  retry: { initialInterval: FIRST_RETRY, backoffCoefficient: 2, maximumInterval: LONGEST_RETRY },
} as const satisfies ActivityOptions;

/** A few queries to the inventory. */
const quick: ActivityOptions = { ...common, startToCloseTimeout: '30s', scheduleToCloseTimeout: QUICK_DEADLINE };

/** Calls to clouds and hosts that take seconds. */
const remote: ActivityOptions = {
  ...common,
  startToCloseTimeout: '3m',
  scheduleToCloseTimeout: REMOTE_DEADLINE,
};

/** What takes as long as there is data: its activity gives up when nothing moves, a day later it is over in any case. */
const long: ActivityOptions = { ...common, startToCloseTimeout: LONG_DEADLINE, scheduleToCloseTimeout: LONG_DEADLINE };

/** A store that fails is tried a few times; the next backup is due before long. */
const copying: ActivityOptions = { ...long, retry: { ...common.retry, maximumAttempts: COPY_ATTEMPTS } };

/** A backup or a dump that is due waits for the one that runs, until the next one is due. */
const waiting: ActivityOptions = { ...common, startToCloseTimeout: '30s', scheduleToCloseTimeout: DUE_DEADLINE };

/** What is not done is done by the next housekeeping. */
const hourly: ActivityOptions = { ...common, startToCloseTimeout: DUE_DEADLINE, scheduleToCloseTimeout: DUE_DEADLINE };

/** It ends with its worker only, and the next one goes on with it at once, however often that has happened before. */
const unending: ActivityOptions = {
  ...common,
  startToCloseTimeout: '3650d',
  retry: { initialInterval: FIRST_RETRY, backoffCoefficient: 1 },
};

/** Progress is written whatever happens: never given up. */
const recording: ActivityOptions = { ...common, startToCloseTimeout: '30s' };

export const cloud = proxyActivities<Omit<CloudActivities, 'deleteHost'>>(remote);
export const preflight = proxyActivities<Pick<PreflightActivities, 'checkCloud'>>(remote);
/** Software comes and goes by jobs on the hosts. */
export const machines = proxyActivities<Pick<CloudActivities, 'deleteHost'> & SoftwareActivities>(long);
export const etcd = proxyActivities<EtcdActivities>(remote);
export const patroni = proxyActivities<Omit<PatroniActivities, 'waitForQuorum'>>(remote);
export const replicas = proxyActivities<Pick<PatroniActivities, 'waitForQuorum'>>(long);
export const postgres = proxyActivities<PostgresActivities>(remote);
export const gateway = proxyActivities<GatewayActivities>(remote);
export const exporters = proxyActivities<ExporterActivities>(remote);
export const backups = proxyActivities<Omit<BackupActivities, 'takeBackup' | 'expireBackups'>>(remote);
export const expiry = proxyActivities<Pick<BackupActivities, 'expireBackups'>>(long);
export const copies = proxyActivities<Pick<BackupActivities, 'takeBackup'>>(copying);
export const hooks = proxyActivities<HookActivities>(copying);
export const restores = proxyActivities<RestoreActivities>(long);
export const marks = proxyActivities<Pick<RestorePointActivities, 'markLog'>>(remote);
export const points = proxyActivities<Pick<RestorePointActivities, 'forgetPoint'>>(quick);
export const drills = proxyActivities<Pick<DrillActivities, 'choosePoint'>>(remote);
export const examinations = proxyActivities<Pick<DrillActivities, 'examineRestore'>>(copying);
export const proofs = proxyActivities<Pick<DrillActivities, 'proveDrill'>>(quick);
export const openings = proxyActivities<Pick<DrillActivities, 'openDrill'>>(quick);
export const policies = proxyActivities<Omit<PolicyActivities, 'openNewSites'>>(remote);
/** A backup that runs is waited for. */
export const policySites = proxyActivities<Pick<PolicyActivities, 'openNewSites'>>(long);
export const nodes = proxyActivities<NodeActivities>(remote);
export const stopping =
  proxyActivities<Pick<PowerActivities, 'demandStoppable' | 'archiveLog' | 'declareStopped' | 'declareServing'>>(
    remote,
  );
export const power =
  proxyActivities<Pick<PowerActivities, 'stopPostgres' | 'startPostgres' | 'switchOff' | 'switchOn'>>(long);
export const switching = proxyActivities<SwitchoverActivities>(remote);
export const replacement = proxyActivities<Omit<ReplacementActivities, 'deleteFormerHost'>>(remote);
/** Software goes by a job on the host. */
export const farewells = proxyActivities<Pick<ReplacementActivities, 'deleteFormerHost'>>(long);
export const recovery = proxyActivities<Pick<RecoveryActivities, 'lookAtLoss' | 'demandLost'>>(remote);
export const wreckage = proxyActivities<Pick<RecoveryActivities, 'deleteLostHost'>>(long);
/** For as long as nobody decides. */
export const returns = proxyActivities<Pick<RecoveryActivities, 'waitForReturn'>>(unending);
export const swaps = proxyActivities<SwapActivities>(long);
export const dumps = proxyActivities<Omit<DumpActivities, 'openDump' | 'takeDump' | 'storeDump' | 'copyDump'>>(remote);
export const dumping = proxyActivities<Pick<DumpActivities, 'takeDump' | 'storeDump' | 'copyDump'>>(copying);
export const dumpRestores = proxyActivities<Omit<DumpRestoreActivities, 'restoreDump'>>(remote);
export const restoring = proxyActivities<Pick<DumpRestoreActivities, 'restoreDump'>>(copying);
export const extracts = proxyActivities<Omit<ExtractActivities, 'openExtractRestore'>>(long);
export const schedules = proxyActivities<Omit<ScheduleActivities, 'openBackup'>>(quick);
export const due = proxyActivities<
  Pick<ScheduleActivities, 'openBackup'> &
    Pick<DumpActivities, 'openDump'> &
    Pick<ExtractActivities, 'openExtractRestore'>
>(waiting);
export const housekeeping = proxyActivities<HousekeepingActivities & Pick<DrillActivities, 'removeAbandonedDrills'>>(
  hourly,
);
export const watching = proxyActivities<WatchActivities>(unending);
export const secrets = proxyActivities<SecretActivities>(quick);
export const inventory = proxyActivities<InventoryActivities>(quick);
export const journal = proxyActivities<Pick<InventoryActivities, 'recordOperation'>>(recording);

/** Somebody waits for the answer: one try, and soon. */
export const inspection = proxyActivities<
  Pick<PreflightActivities, 'checkHost'> & StorageActivities & WindowActivities
>({
  ...common,
  startToCloseTimeout: '2m',
  retry: { maximumAttempts: 1 },
});
