import type { StepRef } from '../domain/clusters';
import type { CloudActivities } from './cloud/activities';
import { createCloudActivities } from './cloud/activities';
import type { PreflightActivities } from './cloud/preflight';
import { createPreflightActivities } from './cloud/preflight';
import type { DumpActivities } from './dumps/activities';
import { createDumpActivities } from './dumps/activities';
import type { ExtractActivities } from './dumps/extract';
import { createExtractActivities } from './dumps/extract';
import type { DumpRestoreActivities } from './dumps/restore';
import { createDumpRestoreActivities } from './dumps/restore';
import type { EtcdActivities } from './etcd/activities';
import { createEtcdActivities } from './etcd/activities';
import type { ExporterActivities } from './exporters/activities';
import { createExporterActivities } from './exporters/activities';
import type { DrillActivities } from './drills/activities';
import { createDrillActivities } from './drills/activities';
import type { Fleet } from './fleet';
import type { GatewayActivities } from './gateway/activities';
import { createGatewayActivities } from './gateway/activities';
import type { HousekeepingActivities } from './housekeeping/activities';
import { createHousekeepingActivities } from './housekeeping/activities';
import type { InventoryActivities } from './inventory/activities';
import { createInventoryActivities } from './inventory/activities';
import type { NodeActivities } from './nodes/activities';
import { createNodeActivities } from './nodes/activities';
import type { PatroniActivities } from './patroni/activities';
import { createPatroniActivities } from './patroni/activities';
import type { BackupActivities } from './pgbackrest/activities';
import { createBackupActivities } from './pgbackrest/activities';
import type { HookActivities } from './pgbackrest/hooks';
import { createHookActivities } from './pgbackrest/hooks';
import type { WindowActivities } from './pgbackrest/look';
import { createWindowActivities } from './pgbackrest/look';
import type { PolicyActivities } from './pgbackrest/policy';
import { createPolicyActivities } from './pgbackrest/policy';
import type { RestoreActivities } from './pgbackrest/restore';
import { createRestoreActivities } from './pgbackrest/restore';
import type { RestorePointActivities } from './pgbackrest/restore-points';
import { createRestorePointActivities } from './pgbackrest/restore-points';
import type { PostgresActivities } from './postgres/activities';
import { createPostgresActivities } from './postgres/activities';
import type { RecoveryActivities } from './recovery/activities';
import { createRecoveryActivities } from './recovery/activities';
import type { ReplacementActivities } from './replacement/activities';
import { createReplacementActivities } from './replacement/activities';
import type { PowerActivities } from './power/activities';
import { createPowerActivities } from './power/activities';
import type { ScheduleActivities } from './schedules/activities';
import { createScheduleActivities } from './schedules/activities';
import type { SecretActivities } from './secrets/activities';
import { createSecretActivities } from './secrets/activities';
import type { SoftwareActivities } from './software/activities';
import { createSoftwareActivities } from './software/activities';
import type { SwapActivities } from './swap/activities';
import type { SwitchoverActivities } from './switchover/activities';
import { createSwitchoverActivities } from './switchover/activities';
import { createSwapActivities } from './swap/activities';
import type { WatchActivities } from './watch/activities';
import { createWatchActivities } from './watch/activities';
import type { StorageActivities } from './storage/activities';
import { createStorageActivities } from './storage/activities';

export type Activities = CloudActivities &
  DrillActivities &
  DumpActivities &
  DumpRestoreActivities &
  EtcdActivities &
  ExporterActivities &
  ExtractActivities &
  BackupActivities &
  RestoreActivities &
  RestorePointActivities &
  WindowActivities &
  GatewayActivities &
  HookActivities &
  HousekeepingActivities &
  InventoryActivities &
  NodeActivities &
  PatroniActivities &
  PolicyActivities &
  PostgresActivities &
  PowerActivities &
  PreflightActivities &
  RecoveryActivities &
  ReplacementActivities &
  ScheduleActivities &
  SecretActivities &
  SoftwareActivities &
  StorageActivities &
  SwapActivities &
  SwitchoverActivities &
  WatchActivities;

type OfNoStep =
  | 'recordOperation'
  | 'checkHost'
  | 'checkSites'
  | 'lookAtWindow'
  | 'openBackup'
  | 'openDrill'
  | 'openDump'
  | 'removeAbandonedDrills'
  | keyof HousekeepingActivities
  | keyof WatchActivities;

/**
 * Each but these begins with the step that it works for: the inventory is asked first whether that is still the cluster's
 * newest operation (workers/activity-interceptor.ts). One records in order, some only look, and some work for no operation,
 * because it is theirs to begin one, or because they are there for all clusters.
 */
type OfAStep = {
  readonly [Name in Exclude<keyof Activities, OfNoStep>]: (at: StepRef, ...more: never[]) => Promise<unknown>;
};

/**
 * All activities over one fleet: what a worker registers.
 *
 * @param stopping given when the worker begins to stop: what would go on without end leaves then. Default: never.
 */
export function createActivities(fleet: Fleet, stopping = new AbortController().signal): Activities {
  return {
    ...createCloudActivities(fleet),
    ...createDrillActivities(fleet),
    ...createDumpActivities(fleet),
    ...createDumpRestoreActivities(fleet),
    ...createEtcdActivities(fleet),
    ...createExporterActivities(fleet),
    ...createExtractActivities(fleet),
    ...createBackupActivities(fleet),
    ...createRestoreActivities(fleet),
    ...createRestorePointActivities(fleet),
    ...createWindowActivities(fleet),
    ...createGatewayActivities(fleet),
    ...createHookActivities(fleet),
    ...createHousekeepingActivities(fleet),
    ...createInventoryActivities(fleet),
    ...createNodeActivities(fleet),
    ...createPatroniActivities(fleet),
    ...createPolicyActivities(fleet),
    ...createPostgresActivities(fleet),
    ...createPowerActivities(fleet),
    ...createPreflightActivities(fleet),
    ...createRecoveryActivities(fleet, stopping),
    ...createReplacementActivities(fleet),
    ...createScheduleActivities(fleet),
    ...createSecretActivities(fleet),
    ...createSoftwareActivities(fleet),
    ...createStorageActivities(fleet),
    ...createSwapActivities(fleet),
    ...createSwitchoverActivities(fleet),
    ...createWatchActivities(fleet, stopping),
  } satisfies Activities & OfAStep;
}
