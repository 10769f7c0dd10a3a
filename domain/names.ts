import type { BackupType } from './backups';
import type { ClusterId } from './ids';

/** Names that several layers must agree on. */

export const TASK_QUEUE = 'holdfast';
export const TEMPORAL_NAMESPACE = 'default';

/** Under this name hosts that the control plane's own machine carries find that machine. */
export const CONTROL_HOSTNAME = 'control.holdfast.internal';

/** Workflow id of a cluster's entity. An operation's workflow id is the operation's id. */
export const entityWorkflowId = (clusterId: ClusterId): string => `cluster/${clusterId}`;

/** Id of the Temporal Schedule that takes a cluster's backups of one type. */
export const backupScheduleId = (clusterId: ClusterId, type: BackupType): string => `backup/${clusterId}/${type}`;

/** Id of the Temporal Schedule that holds a cluster's drills. */
export const drillScheduleId = (clusterId: ClusterId): string => `drill/${clusterId}`;

/** Id of the Temporal Schedule that takes a cluster's dumps. */
export const dumpScheduleId = (clusterId: ClusterId): string => `dump/${clusterId}`;

/** Id of the Temporal Schedule of what is done every hour for all clusters together. */
export const HOUSEKEEPING_SCHEDULE = 'holdfast/housekeeping';

/** Workflow id and type of what watches all clusters, without end. */
export const WATCH_WORKFLOW = { id: 'holdfast/watch', type: 'watch' } as const;

/** Workflow types that Schedules start; a test holds that workers know them. */
export const SCHEDULED_WORKFLOWS = {
  backup: 'backupDue',
  drill: 'drillDue',
  dump: 'dumpDue',
  housekeeping: 'housekeeping',
} as const;

/** Who asked for an operation that a Schedule started. */
export const SCHEDULE_PRINCIPAL = 'schedule';
/** The same of the autopilot. */
export const AUTOPILOT_PRINCIPAL = 'autopilot';

/** Registered with the Temporal server at start; operators filter by them in the Web UI. */
export const SEARCH_ATTRIBUTES = {
  cluster: 'HoldfastCluster',
  project: 'HoldfastProject',
  kind: 'HoldfastOperationKind',
  operation: 'HoldfastOperationId',
} as const;
