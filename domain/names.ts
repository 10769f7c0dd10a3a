import type { ClusterId } from './ids';

/** Names that several layers must agree on. */

export const TASK_QUEUE = 'holdfast';
export const TEMPORAL_NAMESPACE = 'default';

/** Workflow id of a cluster's entity. An operation's workflow id is the operation's id. */
export const entityWorkflowId = (clusterId: ClusterId): string => `cluster/${clusterId}`;

/** Registered with the Temporal server at start; operators filter by them in the Web UI. */
export const SEARCH_ATTRIBUTES = {
  cluster: 'HoldfastCluster',
  project: 'HoldfastProject',
  kind: 'HoldfastOperationKind',
  operation: 'HoldfastOperationId',
} as const;
