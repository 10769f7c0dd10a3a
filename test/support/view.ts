import type { Cloud } from '../../activities/cloud/cloud';
import type { ClusterView, ReachableNode } from '../../activities/fleet';
import { reachableNode } from '../../activities/fleet';
import type { BackupPolicy } from '../../domain/backups';
import type { ClusterNode, StepRef } from '../../domain/clusters';
import type { Lane } from '../../domain/operations';
import { findPlan } from '../../domain/plans';
import type { NodeName } from '../../domain/topology';
import { allNodes } from '../../domain/topology';

/** A cluster as activities see it, for the writers of configuration: fixed addresses, nothing behind them. */
export function viewOf(
  planName: string,
  overrides: { allowedIps?: string[]; version?: '15' | '17' | '18'; backups?: BackupPolicy } = {},
): ClusterView {
  const plan = findPlan(planName);
  if (!plan) throw new Error(`no plan ${planName}`);
  const nodes = allNodes(plan.topology).map((node, i): ClusterNode => ({
    ...node,
    clusterId: 'clu_0000000000000000000000000a',
    failureDomain: `local-${i}`,
    hostId: `host-${i}`,
    privateAddress: `10.213.0.${10 + i}`,
    ssh: { host: `10.213.0.${10 + i}`, port: 22 },
    hostKey: 'ssh-ed25519 AAAA',
    publicPorts: {},
  }));
  return {
    cluster: {
      id: 'clu_0000000000000000000000000a',
      projectId: 'prj_0000000000000000000000000a',
      name: 'orders',
      generation: 1,
      spec: {
        plan: planName,
        version: overrides.version ?? '18',
        cloud: 'docker',
        storageBytes: plan.storageBytes,
        database: 'app',
        owner: 'app',
        allowedIps: overrides.allowedIps ?? [],
        deletionProtection: false,
        backups: overrides.backups ?? null,
      },
      status: { state: 'creating', conditions: [], postgresqlVersion: null, endpoint: null },
      origin: null,
      restoredFrom: null,
      drillOf: null,
      lastProvenRestore: null,
      createdAt: '2026-11-20T00:00:00.000Z',
      deletedAt: null,
      restorableUntil: null,
    },
    plan,
    cloud: unusedCloud,
    nodes,
    network: {
      token: 'clu/network',
      cidr: '10.213.0.0/26',
      controlAddress: '10.213.0.1',
      floatingAddress: '10.213.0.60',
    },
  };
}

export const nodeOf = (view: ClusterView, name: NodeName): ReachableNode => reachableNode(view, name);

const refuse = (): never => {
  throw new Error('a writer of configuration calls no cloud');
};
const unusedCloud: Cloud = {
  fences: false,
  name: 'docker',
  describe: refuse,
  createNetwork: refuse,
  deleteNetwork: refuse,
  reserveAddress: refuse,
  createHost: refuse,
  deleteHost: refuse,
  findHost: refuse,
  powerOff: refuse,
  powerOn: refuse,
  listByTags: refuse,
};

/** A step of an operation of that cluster. */
export const stepIn = (lane: Lane, stepId: string): StepRef => ({
  clusterId: 'clu_0000000000000000000000000a',
  operationId: 'op_0000000000000000000000000a',
  lane,
  generation: 1,
  stepId,
});
