import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { ActivityOptions } from '@temporalio/workflow';
import type { CloudActivities } from '../activities/cloud/activities';
import type { EtcdActivities } from '../activities/etcd/activities';
import type { ExporterActivities } from '../activities/exporters/activities';
import type { GatewayActivities } from '../activities/gateway/activities';
import type { InventoryActivities } from '../activities/inventory/activities';
import type { PatroniActivities } from '../activities/patroni/activities';
import type { PostgresActivities } from '../activities/postgres/activities';
import type { SecretActivities } from '../activities/secrets/activities';

/**
 * How workflows call activities: one proxy for each thing touched, with its retry class.
 *
 * Transient errors are tried again for ever within the step's deadline (`scheduleToCloseTimeout`); errors that no retry
 * cures are not retryable and leave the operation waiting for attention.
 */

// TRY_CANCEL is the SDK's actual default: compensation would then run while the activity still works.
const common = {
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '30s' },
} as const satisfies ActivityOptions;

/** A few queries to the inventory. */
const quick: ActivityOptions = { ...common, startToCloseTimeout: '30s', scheduleToCloseTimeout: '1h' };

/** Calls to clouds and hosts that take seconds. Deadline of the step: 15 minutes. */
const remote: ActivityOptions = {
  ...common,
  startToCloseTimeout: '3m',
  scheduleToCloseTimeout: '15m',
  heartbeatTimeout: '20s',
};

/** Progress is written whatever happens: never given up. */
const recording: ActivityOptions = { ...common, startToCloseTimeout: '30s' };

export const cloud = proxyActivities<CloudActivities>(remote);
export const etcd = proxyActivities<EtcdActivities>(remote);
export const patroni = proxyActivities<PatroniActivities>(remote);
export const postgres = proxyActivities<PostgresActivities>(remote);
export const gateway = proxyActivities<GatewayActivities>(remote);
export const exporters = proxyActivities<ExporterActivities>(remote);
export const secrets = proxyActivities<SecretActivities>(quick);
export const inventory = proxyActivities<InventoryActivities>(quick);
export const journal = proxyActivities<Pick<InventoryActivities, 'recordOperation'>>(recording);
