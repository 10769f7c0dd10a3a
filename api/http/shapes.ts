import type { Archiving } from '../../domain/archiving';
import type { Cluster, ClusterNode } from '../../domain/clusters';
import type { Dump } from '../../domain/dumps';
import { stateOf } from '../../domain/heartbeats';
import type { Operation, OperationSummary } from '../../domain/operations';
import { TEMPORAL_NAMESPACE } from '../../domain/names';
import type { ClusterAnswer, ClusterDetailAnswer, NodeAnswer } from '../../domain/schemas/clusters';
import type { DumpAnswer } from '../../domain/schemas/dumps';
import type { OperationAnswer, OperationSummaryAnswer } from '../../domain/schemas/operations';
import type { NodeName } from '../../domain/topology';
import type { Heard } from '../../activities/inventory/heartbeats';
import type { ApiDeps } from './deps';

/** What of the inventory's rows a client sees. */

export const operationPath = (id: string): string => `/v1/operations/${id}`;
export const clusterPath = (id: string): string => `/v1/clusters/${id}`;

type Links = Pick<ApiDeps, 'temporalUiUrl'>;

export function operationAnswer(deps: Links, operation: Operation): OperationAnswer {
  const { restored, switchover, replacement, node, steps } = operation;
  const recovery = operation.recovery && { upTo: operation.recovery.upTo };
  const about = node && { name: node.name, was: node.was };
  const summary = operationSummaryAnswer(deps, operation);
  return { ...summary, restored, switchover, node: about, replacement, recovery, steps };
}

export function operationSummaryAnswer({ temporalUiUrl }: Links, operation: OperationSummary): OperationSummaryAnswer {
  const { id, clusterId } = operation;
  const self = operationPath(id);
  const temporal =
    temporalUiUrl === null
      ? null
      : `${temporalUiUrl.replace(/\/+$/, '')}/namespaces/${TEMPORAL_NAMESPACE}/workflows/${id}`;
  return { ...operation, links: { self, events: `${self}/events`, cluster: clusterPath(clusterId), temporal } };
}

export function clusterAnswer(cluster: Cluster): ClusterAnswer {
  const self = clusterPath(cluster.id);
  return {
    ...cluster,
    links: {
      self,
      nodes: `${self}/nodes`,
      operations: `${self}/operations`,
      credentials: `${self}/credentials`,
      backups: `${self}/backups`,
      drills: `${self}/drills`,
    },
  };
}

export function dumpAnswer(dump: Dump): DumpAnswer {
  const { id, clusterId, operationId, startedAt, finishedAt } = dump;
  const durationMs = finishedAt === null ? null : Date.parse(finishedAt) - Date.parse(startedAt);
  const links = { self: `/v1/dumps/${id}`, cluster: clusterPath(clusterId), operation: operationPath(operationId) };
  return { ...dump, durationMs, links };
}

export function nodeAnswers(nodes: readonly ClusterNode[], heard: ReadonlyMap<NodeName, Heard>): NodeAnswer[] {
  return nodes.map(({ name, role, failureDomain, hostId, privateAddress }) => {
    const last = heard.get(name);
    const state = last ? stateOf(last.role, last.silentMs) : null;
    return { name, role, state, heardAt: last?.heardAt ?? null, failureDomain, hostId, privateAddress };
  });
}

export function clusterDetail(
  cluster: Cluster,
  nodes: readonly NodeAnswer[],
  working: OperationSummary | undefined,
  archiving: Archiving | null,
): ClusterDetailAnswer {
  return {
    ...clusterAnswer(cluster),
    status: { ...cluster.status, archiving },
    nodes,
    operation: working ? operationPath(working.id) : null,
  };
}
