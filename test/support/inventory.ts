import { randomBytes } from 'node:crypto';
import { migrate } from '../../activities/inventory/migrate';
import { createInventory, type OpenInventory } from '../../activities/inventory/open';
import type { Cluster, ClusterSpec, StepRef } from '../../domain/clusters';
import { makeId } from '../../domain/ids';
import type { ClusterId, IdPrefix, Id, ProjectId } from '../../domain/ids';
import type { Operation, OperationKind } from '../../domain/operations';
import type { Submission } from '../../activities/inventory/inventory';
import { createTestDatabase, type TestDatabase } from './database';

/** Builders of what tests of the inventory write again and again. */

export interface ScratchInventory {
  readonly scratch: TestDatabase;
  readonly inventory: OpenInventory;
  readonly project: ProjectId;
  /** Closes the inventory and drops its database. */
  close(): Promise<void>;
}

/** An inventory with its tables and a project, on a database of the test file's own. */
export async function openScratchInventory(): Promise<ScratchInventory> {
  const scratch = await createTestDatabase();
  await migrate(scratch.url);
  const inventory = createInventory(scratch.url);
  const { id: project } = await inventory.projects.ensure('default');
  const close = async (): Promise<void> => {
    await inventory.close();
    await scratch.drop();
  };
  return { scratch, inventory, project, close };
}

export const newId = <P extends IdPrefix>(prefix: P): Id<P> => makeId(prefix, Date.now(), randomBytes(16));

export const SPEC: ClusterSpec = {
  plan: 'ha-s',
  version: '18',
  cloud: 'docker',
  storageBytes: 1024 ** 3,
  database: 'app',
  owner: 'app',
  allowedIps: ['10.0.0.0/8'],
  deletionProtection: false,
};

export type NewCluster = Pick<Cluster, 'id' | 'projectId' | 'name' | 'spec'>;

export const newCluster = (projectId: ProjectId, name: string): NewCluster => ({
  id: newId('clu'),
  projectId,
  name,
  spec: SPEC,
});

/** A submission of an operation on `cluster` with two steps. */
export function newSubmission(
  cluster: NewCluster,
  kind: OperationKind = 'provision',
  idempotency: Submission['idempotency'] = null,
): Submission {
  return {
    operation: {
      operationId: newId('op'),
      kind,
      clusterId: cluster.id,
      clusterName: cluster.name,
      projectId: cluster.projectId,
      projectName: 'default',
      generation: 1,
      topology: 'ha',
      summary: 'ha-s, PostgreSQL 18',
      cause: 'user',
      requestedBy: 'tok_tester',
    },
    steps: [
      { id: 'network', title: 'create the network' },
      { id: 'hosts', title: 'create the hosts' },
    ],
    idempotency,
  };
}

export function refOf(operation: Operation, stepId = 'network'): StepRef {
  return { clusterId: operation.clusterId, operationId: operation.id, generation: operation.generation, stepId };
}

/** Ends an operation, so that the cluster is free for the next one. */
export async function finish(inventory: OpenInventory, operation: Operation): Promise<void> {
  const at = new Date().toISOString();
  await inventory.operations.record({
    operationId: operation.id,
    seq: 1_000_000,
    steps: [],
    operation: { state: 'succeeded', at },
  });
}

/** Writes a cluster with its provision operation, and ends that. */
export async function provisioned(inventory: OpenInventory, projectId: ProjectId, name: string): Promise<ClusterId> {
  const cluster = newCluster(projectId, name);
  const { operation } = await inventory.operations.submitCreate(cluster, newSubmission(cluster));
  await finish(inventory, operation);
  return cluster.id;
}
