import { randomBytes } from 'node:crypto';
import { migrate } from '../../activities/inventory/migrate';
import { createInventory, type OpenInventory } from '../../activities/inventory/open';
import type { KnownSite } from '../../activities/inventory/backup-tables';
import type { CloudName, Cluster, ClusterSpec, StepRef } from '../../domain/clusters';
import { makeId } from '../../domain/ids';
import type { ClusterId, IdPrefix, Id, OperationId, ProjectId } from '../../domain/ids';
import { laneOf } from '../../domain/operations';
import type { Operation, OperationKind, OperationRecord, OperationSummary, Step } from '../../domain/operations';
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
  backups: null,
};

export type NewCluster = Pick<Cluster, 'id' | 'projectId' | 'name' | 'spec' | 'origin'>;

export const newCluster = (projectId: ProjectId, name: string): NewCluster => ({
  id: newId('clu'),
  projectId,
  name,
  spec: SPEC,
  origin: null,
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

export function refOf(operation: OperationSummary, stepId = 'network'): StepRef {
  const { clusterId, id: operationId, generation, kind } = operation;
  return { clusterId, operationId, lane: laneOf(kind), generation, stepId };
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

/** What the events of an operation tell people, in the order they were written. */
export async function noticesOf({ operations }: OpenInventory, id: OperationId): Promise<unknown[]> {
  return (await operations.eventsAfter(id, 0)).flatMap(({ type, body }) => (type === 'notice' ? [body] : []));
}

/** Writes a cluster with its provision operation, and ends that. */
export async function provisioned(inventory: OpenInventory, projectId: ProjectId, name: string): Promise<ClusterId> {
  const cluster = newCluster(projectId, name);
  const { operation } = await inventory.operations.submitCreate(cluster, newSubmission(cluster));
  await finish(inventory, operation);
  return cluster.id;
}

/** The time of a test's events: some second of a fixed minute. */
export const at = (second: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

/** An operation that a test writes records of, and what the inventory then tells of it. */
export interface TrackedOperation {
  /** As it was submitted. */
  readonly operation: Operation;
  readonly ref: StepRef;
  readonly record: (change: Omit<OperationRecord, 'operationId'>) => Promise<void>;
  readonly read: () => Promise<Operation>;
  readonly step: (id: string) => Promise<Step | undefined>;
}

export function track({ operations }: OpenInventory, operation: Operation): TrackedOperation {
  const read = async (): Promise<Operation> => {
    const found = await operations.get(operation.id);
    if (!found) throw new Error('no operation');
    return found;
  };
  return {
    operation,
    ref: refOf(operation),
    record: (change) => operations.record({ operationId: operation.id, ...change }),
    read,
    step: async (id) => (await read()).steps.find((one) => one.id === id),
  };
}

/** Writes a cluster with its provision, which is pending. */
export async function newProvision({ inventory, project }: ScratchInventory): Promise<TrackedOperation> {
  const cluster = newCluster(project, `orders-${newId('clu').slice(-8)}`);
  const { operation } = await inventory.operations.submitCreate(cluster, newSubmission(cluster));
  return track(inventory, operation);
}

/** A site as workers write it down. */
export const knownSite = (name: string, ...clouds: readonly CloudName[]): KnownSite => ({
  name,
  clouds,
  endpoint: `https://${name}.example.test`,
  bucket: 'holdfast',
});
