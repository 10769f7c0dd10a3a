import type { StepRef } from '../domain/clusters';
import type { CloudActivities } from './cloud/activities';
import { createCloudActivities } from './cloud/activities';
import type { PreflightActivities } from './cloud/preflight';
import { createPreflightActivities } from './cloud/preflight';
import type { EtcdActivities } from './etcd/activities';
import { createEtcdActivities } from './etcd/activities';
import type { ExporterActivities } from './exporters/activities';
import { createExporterActivities } from './exporters/activities';
import type { Fleet } from './fleet';
import type { GatewayActivities } from './gateway/activities';
import { createGatewayActivities } from './gateway/activities';
import type { InventoryActivities } from './inventory/activities';
import { createInventoryActivities } from './inventory/activities';
import type { PatroniActivities } from './patroni/activities';
import { createPatroniActivities } from './patroni/activities';
import type { PostgresActivities } from './postgres/activities';
import { createPostgresActivities } from './postgres/activities';
import type { SecretActivities } from './secrets/activities';
import { createSecretActivities } from './secrets/activities';
import type { SoftwareActivities } from './software/activities';
import { createSoftwareActivities } from './software/activities';

export type Activities = CloudActivities &
  EtcdActivities &
  ExporterActivities &
  GatewayActivities &
  InventoryActivities &
  PatroniActivities &
  PostgresActivities &
  PreflightActivities &
  SecretActivities &
  SoftwareActivities;

/**
 * Each but these begins with the step that it works for: the inventory is asked first whether that is still the cluster's
 * newest operation (workers/activity-interceptor.ts). One records in order, the other only looks.
 */
type OfAStep = {
  readonly [Name in Exclude<keyof Activities, 'recordOperation' | 'checkHost'>]: (
    at: StepRef,
    ...more: never[]
  ) => Promise<unknown>;
};

/** All activities over one fleet: what a worker registers. */
export function createActivities(fleet: Fleet): Activities {
  return {
    ...createCloudActivities(fleet),
    ...createEtcdActivities(fleet),
    ...createExporterActivities(fleet),
    ...createGatewayActivities(fleet),
    ...createInventoryActivities(fleet),
    ...createPatroniActivities(fleet),
    ...createPostgresActivities(fleet),
    ...createPreflightActivities(fleet),
    ...createSecretActivities(fleet),
    ...createSoftwareActivities(fleet),
  } satisfies Activities & OfAStep;
}
