import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, WithStartWorkflowOperation, WorkflowNotFoundError } from '@temporalio/client';
import { createHistoryKeys } from '../../activities/secrets/history-keys';
import { openKeyring } from '../../activities/secrets/keyring';
import { createPayloadCodec } from '../../activities/secrets/payload-codec';
import { entityWorkflowId } from '../../domain/names';
import type { OperationId } from '../../domain/ids';
import type { OperationInput } from '../../domain/operations';
import { bundleWorkflows } from '../../workers/bundle';
import type { BundleParts } from '../../workers/bundle';
import { clusterWorkflow, submitOperation } from '../../workflows/cluster';
import type { World } from '../simulation/world';
import { openWorld } from '../simulation/world';
import { eventually, untilSuccess } from '../support/eventually';
import type { ScratchInventory } from '../support/inventory';
import { openScratchInventory } from '../support/inventory';
import { startTemporal } from '../support/temporal';
import type { DurableTemporal } from './durable-temporal';
import { startDurableTemporal } from './durable-temporal';
import type { Lane } from './lane';
import { startLane } from './lane';
import type { WorkerSettings } from './worker-settings';

/** What chaos is made on: a real Temporal server, a real inventory and workers in simulated worlds of their own. */
export interface Laboratory extends ScratchInventory {
  readonly client: Client;
  readonly folder: string;
  readonly temporalAddress: string;
  /** A worker with a world and a task queue of its own. */
  openLane(name: string, parts?: BundleParts, settings?: Partial<WorkerSettings>): Promise<Subject>;
  stop(): Promise<void>;
}

/** A world and the worker that lives in it. */
export interface Subject {
  readonly lane: Lane;
  readonly world: World;
}

/** Many crashes, each of which is noticed after seconds, on a machine that may be busy. */
export const PATIENCE = { everyMs: 100, limitMs: 840_000 };

/** Workflow tasks that a dead worker has taken are given to another after this, rather than 10 s. */
const WORKFLOW_TASK_TIMEOUT = '5s';

const DYNAMIC_CONFIG = { 'history.defaultWorkflowTaskTimeout': WORKFLOW_TASK_TIMEOUT };

/** With a server in memory, which is the fastest. */
export async function openLaboratory(): Promise<Laboratory> {
  const temporal = await startTemporal(DYNAMIC_CONFIG);
  return equip(newFolder(), { address: temporal.address, client: temporal.client, stop: () => temporal.teardown() });
}

/** With a server that can be killed. */
export async function openDurableLaboratory(): Promise<Laboratory & { readonly temporal: DurableTemporal }> {
  const folder = newFolder();
  const temporal = await startDurableTemporal(folder, DYNAMIC_CONFIG);
  return { ...(await equip(folder, temporal)), temporal };
}

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'holdfast-chaos-'));

async function equip(
  folder: string,
  temporal: Pick<DurableTemporal, 'address' | 'client' | 'stop'>,
): Promise<Laboratory> {
  const scratch = await openScratchInventory();
  const temporalAddress = temporal.address;
  const home = join(folder, 'home');
  const keys = createHistoryKeys(scratch.inventory.database, await openKeyring({ home, command: null }));
  const dataConverter = { payloadCodecs: [createPayloadCodec(keys)] };
  const client = new Client({ connection: temporal.client.connection, dataConverter });
  const lanes: Lane[] = [];
  const bundleOf = cacheBundles(folder);
  return {
    ...scratch,
    client,
    folder,
    temporalAddress,
    async openLane(name, parts = {}, given = {}) {
      const bundle = await bundleOf(parts);
      const settings = {
        world: join(folder, name),
        home,
        databaseUrl: scratch.scratch.url,
        temporalAddress,
        taskQueue: name,
        bundle,
        ...given,
      };
      const lane = startLane(settings, join(folder, `${name}.log`));
      lanes.push(lane);
      return { lane, world: openWorld(settings.world) };
    },
    async stop() {
      await Promise.all(lanes.map((lane) => lane.stop()));
      await temporal.stop();
      await scratch.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Bundles take seconds to make: one for all lanes that want the same. Gives the file. */
function cacheBundles(folder: string): (parts: BundleParts) => Promise<string> {
  const made = new Map<string, Promise<string>>();
  const make = async (parts: BundleParts): Promise<string> => {
    const file = join(folder, `${made.size}.bundle.js`);
    writeFileSync(file, await bundleWorkflows({ deadlines: join(__dirname, 'short-deadlines.ts'), ...parts }));
    return file;
  };
  return (parts) => {
    const key = JSON.stringify(parts);
    const bundle = made.get(key) ?? make(parts);
    made.set(key, bundle);
    return bundle;
  };
}

/** Hands an operation to its cluster's entity, as the API does: again, until it was taken. */
export function submitTo(client: Client, taskQueue: string, operation: OperationInput): Promise<void> {
  return untilSuccess(() => submitOnce(client, taskQueue, operation));
}

async function submitOnce(client: Client, taskQueue: string, operation: OperationInput): Promise<void> {
  const startWorkflowOperation = new WithStartWorkflowOperation(clusterWorkflow, {
    workflowId: entityWorkflowId(operation.clusterId),
    taskQueue,
    workflowIdConflictPolicy: 'USE_EXISTING',
    args: [{ clusterId: operation.clusterId }],
  });
  await client.workflow.executeUpdateWithStart(submitOperation, {
    startWorkflowOperation,
    updateId: operation.operationId,
    args: [operation],
  });
}

/** Waits until the operation's workflow has ended, or stands still; gives how. */
export function resultOf({ client, inventory }: Laboratory, operationId: OperationId): Promise<string> {
  return eventually(async () => {
    const operation = await inventory.operations.get(operationId);
    if (operation?.state === 'waiting') return `waiting: ${operation.reason}`;
    const workflow = client.workflow.getHandle(operationId);
    try {
      if ((await workflow.describe()).status.name === 'RUNNING') return undefined;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
    return String(await workflow.result());
  }, PATIENCE);
}
