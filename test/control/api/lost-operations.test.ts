import pino from 'pino';
import type { Starter } from '../../../api/http/starter';
import { createStarter } from '../../../api/http/starter';
import type { Operation, OperationState } from '../../../domain/operations';
import { RecordingEngine } from '../../support/api';
import { eventually } from '../../support/eventually';
import type { ScratchInventory } from '../../support/inventory';
import { finish, newCluster, newSubmission, openScratchInventory } from '../../support/inventory';

/** No operation stays unfinished for ever because its workflow is gone. */

let scratch: ScratchInventory;
let engine: RecordingEngine;
let starter: Starter | undefined;
let serial = 0;

beforeAll(async () => {
  scratch = await openScratchInventory();
});
afterAll(() => scratch.close());
beforeEach(() => {
  engine = new RecordingEngine();
});
afterEach(() => starter?.stop());

const sweep = (): void => {
  const log = pino({ level: 'silent' });
  starter = createStarter({ inventory: scratch.inventory, engine, log, sweepEveryMs: 20, lostAfterMs: 0 });
};

async function operationIn(state: OperationState): Promise<Operation> {
  const cluster = newCluster(scratch.project, `lost-${serial++}`);
  const { operation } = await scratch.inventory.operations.submitCreate(cluster, newSubmission(cluster));
  if (state !== 'pending') {
    const record = { operationId: operation.id, seq: 1, steps: [] };
    await scratch.inventory.operations.record({ ...record, operation: { state, at: new Date().toISOString() } });
  }
  return operation;
}

const now = async ({ id }: Operation): Promise<OperationState | undefined> =>
  (await scratch.inventory.operations.get(id))?.state;

test.each(['running', 'waiting', 'cancelling'] as const)(
  'an operation that is %s, and whose workflow was terminated with its entity, is told as failed and frees its cluster',
  async (state) => {
    const operation = await operationIn(state);
    engine.states.set(operation.id, 'ended');
    sweep();
    await eventually(async () => (await now(operation)) === 'failed');
    const { error } = (await scratch.inventory.operations.get(operation.id)) ?? {};
    expect(error).toMatchObject({ code: 'OPERATION_LOST', message: /was ended from outside/ });
    const { clusterId } = operation;
    const cluster = await scratch.inventory.clusters.get(clusterId);
    if (!cluster) throw new Error('no cluster');
    const next = newSubmission({ ...cluster }, 'delete');
    expect((await scratch.inventory.operations.submit(null, next)).operation.state).toBe('pending');
  },
);

test('an operation of which the engine has lost everything is told as failed', async () => {
  const operation = await operationIn('running');
  sweep();
  await eventually(async () => (await now(operation)) === 'failed');
});

test('an operation that runs, and one that is still to be started, are left alone', async () => {
  const [runs, waits] = [await operationIn('running'), await operationIn('pending')];
  engine.states.set(runs.id, 'running');
  const lost = await operationIn('running');
  sweep();
  await eventually(async () => (await now(lost)) === 'failed');
  expect([await now(runs), await now(waits)]).toEqual(['running', 'pending']);
  await eventually(() => engine.started.some(({ operationId }) => operationId === waits.id));
  engine.states.set(runs.id, 'ended');
  await eventually(async () => (await now(runs)) === 'failed');
});

test('an operation whose workflow ended well a moment ago stays as it told', async () => {
  const operation = await operationIn('running');
  engine.states.set(operation.id, 'ended');
  // The workflow's last words arrive while the engine is asked.
  const ask = engine.stateOf.bind(engine);
  engine.stateOf = async (id) => {
    const state = await ask(id);
    if (id === operation.id && (await now(operation)) === 'running') await finish(scratch.inventory, operation);
    return state;
  };
  const other = await operationIn('running');
  sweep();
  await eventually(async () => (await now(other)) === 'failed');
  expect(await now(operation)).toBe('succeeded');
});
