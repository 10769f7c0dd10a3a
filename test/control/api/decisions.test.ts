import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { createTemporalEngine } from '../../../api/http/engine-temporal';
import type { OperationId } from '../../../domain/ids';
import { TASK_QUEUE } from '../../../domain/names';
import type { Operation, OperationRecord } from '../../../domain/operations';
import { stepTitles } from '../../../workflows/runbooks';
import { newSubmission } from '../../support/inventory';
import { startTestApi, type TestAnswer, type TestApi } from '../../support/api';
import { eventually } from '../../support/eventually';
import type { Behaviour, ScriptedRun, ScriptedTemporal } from '../../support/scripted-worker';
import { startScriptedTemporal } from '../../support/scripted-worker';

/** What the API answers to cancel and retry comes from the operation itself: a real Temporal server, and its workflows. */

jest.setTimeout(90_000);

/** Two calls to Temporal at their deadlines, and something for a machine that is busy. */
const SOON_MS = 10_000;

let temporal: ScriptedTemporal;
let api: TestApi;
beforeAll(async () => {
  temporal = await startScriptedTemporal();
  api = await startTestApi(undefined, (codec) => createTemporalEngine(temporal.temporal.address, codec));
});
afterAll(async () => {
  await api?.stop();
  await temporal?.stop();
});

/** Runs a worker that writes its records to the inventory, each when `behave` has let it. */
const withWorker = <T>(behave: Behaviour, act: (run: ScriptedRun) => Promise<T>): Promise<T> =>
  temporal.withWorker(
    async (call) => {
      await behave(call);
      if (call.name === 'recordOperation') await api.inventory.operations.record(call.args[0] as OperationRecord);
    },
    act,
    api.codec,
    TASK_QUEUE,
  );

const idle: Behaviour = () => undefined;
const untilStopped = (): Promise<never> => Context.current().cancelled;
const diskFull = (): never => {
  throw ApplicationFailure.nonRetryable('the disk is full', 'CLOUD_FULL');
};

async function order(name: string): Promise<OperationId> {
  const { body } = await api.request('POST', '/v1/clusters', { body: { name, plan: 'sandbox' } });
  return (body as unknown as { id: OperationId }).id;
}
/** Of a cluster that a provision makes first; `before` comes in between. */
async function orderDelete(name: string, before: () => void): Promise<OperationId> {
  await inState(await order(name), 'succeeded');
  before();
  const { body } = await api.request('DELETE', `/v1/clusters/${name}`, { body: { confirm: name } });
  return (body as unknown as { id: OperationId }).id;
}
const decide = (id: string, decision: 'cancel' | 'retry' | 'approve', key?: string): Promise<TestAnswer> =>
  api.request(
    'POST',
    `/v1/operations/${id}/${decision}`,
    key === undefined ? {} : { headers: { 'Idempotency-Key': key } },
  );
const read = async (id: OperationId): Promise<Operation | undefined> =>
  (await api.inventory.operations.get(id)) ?? undefined;
const inState = (id: OperationId, state: Operation['state']): Promise<boolean> =>
  eventually(async () => (await read(id))?.state === state);
const reasonsOf = async (id: OperationId): Promise<unknown[]> =>
  (await api.inventory.operations.eventsAfter(id, 0))
    .filter(({ type, body }) => type === 'operation' && body['reason'] !== null)
    .map(({ body }) => body['reason']);
const timed = async <T>(act: () => Promise<T>): Promise<[T, number]> => {
  const began = Date.now();
  return [await act(), Date.now() - began];
};

test('a cancel that comes when the point of no return is passed, and the inventory does not know it yet, is refused', async () => {
  let shut = false;
  const behave: Behaviour = ({ name }) => {
    if (name === 'recordOperation' && shut) throw new Error('the inventory is away');
    // Otherwise it may have ended by the time of the cancel.
    return name === 'unscheduleBackups' ? eventually(() => !shut) : undefined;
  };
  await withWorker(behave, async (run) => {
    const id = await orderDelete('passed', () => (shut = true));
    await eventually(() => run.calls.includes('declareDeleting'));
    expect(await read(id)).toMatchObject({ state: 'pending', pointOfNoReturnPassed: false, cancelable: true });
    const { body } = await decide(id, 'cancel', 'passed');
    expect(body).toMatchObject({ status: 409, code: 'POINT_OF_NO_RETURN', operation: `/v1/operations/${id}` });
    expect(body['detail']).toBe(`Operation ${id} can no longer be cancelled: what it has done cannot be taken back.`);
    shut = false;
    await inState(id, 'succeeded');
    // The refusal has left nothing under its key, and is the one that the inventory gives.
    expect((await decide(id, 'cancel', 'passed')).body).toMatchObject({ status: 409, code: 'OPERATION_FINISHED' });
    expect(await reasonsOf(id)).toEqual([]);
  });
});

test('a retry that comes when the operation goes on already, and the inventory does not know it yet, is refused', async () => {
  const id = await order('goes-on');
  let shut = false;
  const behave: Behaviour = ({ name, times }) => {
    if (name === 'recordOperation' && shut) throw new Error('the inventory is away');
    if (name === 'createNetwork' && times === 1) diskFull();
  };
  await withWorker(behave, async () => {
    await inState(id, 'waiting');
    shut = true;
    expect((await decide(id, 'retry')).status).toBe(202);
    expect(await read(id)).toMatchObject({ state: 'waiting' });
    expect((await decide(id, 'retry')).body).toMatchObject({ status: 409, code: 'NOT_WAITING' });
    shut = false;
    await inState(id, 'succeeded');
  });
});

test('a cancel that is repeated is answered alike, until the operation has ended', async () => {
  const id = await order('repeated');
  let undoMayEnd = false;
  const behave: Behaviour = async ({ name }) => {
    if (name === 'createNetwork') diskFull();
    if (name === 'deleteNetwork') await eventually(() => undoMayEnd);
  };
  await withWorker(behave, async (run) => {
    await inState(id, 'waiting');
    const together = await Promise.all([
      decide(id, 'cancel', 'one'),
      decide(id, 'cancel', 'two'),
      decide(id, 'cancel'),
    ]);
    await inState(id, 'cancelling');
    const later = [await decide(id, 'cancel', 'one'), await decide(id, 'cancel', 'three')];
    expect([...together, ...later].map(({ status }) => status)).toEqual([202, 202, 202, 202, 202]);
    expect(later[0]?.headers.get('Idempotency-Replayed')).toBe('true');
    undoMayEnd = true;
    await inState(id, 'cancelled');
    expect((await decide(id, 'cancel')).body).toMatchObject({ code: 'OPERATION_FINISHED' });
    expect(run.calls.filter((call) => call === 'deleteNetwork')).toHaveLength(1);
  });
});

/** Of a cluster that a provision makes first. */
async function orderRecovery(name: string): Promise<OperationId> {
  await inState(await order(name), 'succeeded');
  const cluster = await api.inventory.clusters.find(api.project, name);
  if (!cluster) throw new Error(`no cluster ${name}`);
  const submission = { ...newSubmission(cluster, 'recover'), steps: stepTitles('recover', 'ha') };
  const { operation } = await api.inventory.operations.submit(null, submission);
  return operation.id;
}

test('an operation that waits for approval takes it, once or twice, and refuses a retry; one that waits for none refuses it', async () => {
  let goesOn = false;
  const behave: Behaviour = async ({ name }) => {
    if (name === 'demandLost') await eventually(() => goesOn);
  };
  await withWorker(behave, async (run) => {
    const provisioned = await order('asked-nothing');
    await inState(provisioned, 'succeeded');
    const id = await orderRecovery('asked');
    await inState(id, 'waiting');
    await eventually(() => run.calls.includes('waitForReturn'));
    expect(await read(id)).toMatchObject({ reason: 'approval: all is lost', cancelable: true });
    expect((await decide(id, 'retry')).body).toMatchObject({
      code: 'NOT_WAITING',
      detail: `Operation ${id} is waiting for approval: only one that needs attention can be retried.`,
    });
    expect(run.calls).not.toContain('demandLost');
    const answers = await Promise.all([decide(id, 'approve', 'yes'), decide(id, 'approve')]);
    await eventually(() => run.calls.includes('demandLost'));
    answers.push(await decide(id, 'approve', 'yes'), await decide(id, 'approve', 'again'));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    goesOn = true;
    await inState(id, 'succeeded');
    expect(run.calls.filter((call) => call === 'demandLost')).toHaveLength(1);
    expect((await decide(provisioned, 'approve')).body).toMatchObject({ code: 'OPERATION_FINISHED' });
  });
});

test('an approval that nobody asks for is refused', async () => {
  const id = await order('unasked');
  await withWorker(
    ({ name }) => (name === 'createNetwork' ? diskFull() : undefined),
    async () => {
      await inState(id, 'waiting');
      expect((await decide(id, 'approve')).body).toMatchObject({
        status: 409,
        code: 'NO_APPROVAL_WANTED',
        detail: `Operation ${id} is in need of attention: it waits for no approval.`,
      });
      await decide(id, 'cancel');
      await inState(id, 'cancelled');
    },
  );
});

test('a cancel while no worker runs is answered soon, and carried out by the next one', async () => {
  const id = await order('left');
  await withWorker(
    ({ name }) => (name === 'createNetwork' ? untilStopped() : undefined),
    async (run) => {
      await eventually(() => run.calls.includes('createNetwork'));
      await inState(id, 'running');
    },
  );
  const [answer, ms] = await timed(() => decide(id, 'cancel'));
  expect([answer.status, answer.body['state']]).toEqual([202, 'running']);
  expect(ms).toBeLessThan(SOON_MS);
  // An update that no worker has taken is in the server's memory only; this is not. Where the worker has left with a workflow
  // task in its hands, the server keeps it beside the history until that has timed out.
  await eventually(async () => {
    const { events } = await temporal.temporal.client.workflow.getHandle(id).fetchHistory();
    return events?.some(
      ({ workflowExecutionSignaledEventAttributes: signal }) => signal?.signalName === 'decideOperation',
    );
  });
  await withWorker(idle, () => inState(id, 'cancelled'));
});

test('a cancel that was left and turns out to be too late is told in an event', async () => {
  let shut = false;
  const behave: Behaviour = ({ name }) => {
    if (name === 'recordOperation' && shut) throw new Error('the inventory is away');
    return name === 'declareDeleting' && shut ? untilStopped() : undefined;
  };
  const id = await withWorker(behave, async (run) => {
    const ordered = await orderDelete('late', () => (shut = true));
    await eventually(() => run.calls.includes('declareDeleting'));
    return ordered;
  });
  expect((await decide(id, 'cancel')).status).toBe(202);
  shut = false;
  await withWorker(behave, () => inState(id, 'succeeded'));
  expect(await reasonsOf(id)).toEqual([
    `cancel was not taken: Operation ${id} can no longer be cancelled: what it has done cannot be taken back.`,
  ]);
});

test('a cancel of an operation that has not begun, for no worker is there, is answered soon: try again', async () => {
  const id = await order('unbegun');
  const [{ status, body, headers }, ms] = await timed(() => decide(id, 'cancel'));
  expect(body).toMatchObject({ status: 503, code: 'UNAVAILABLE', retryable: true });
  expect([status, headers.get('Retry-After'), ms < SOON_MS]).toEqual([503, '2', true]);
  await withWorker(idle, () => inState(id, 'succeeded'));
});

test('a cancel of an operation whose workflow was ended from outside is refused: it has failed', async () => {
  const id = await order('terminated');
  await withWorker(
    ({ name }) => (name === 'createNetwork' ? untilStopped() : undefined),
    async (run) => {
      await eventually(() => run.calls.includes('createNetwork'));
      await inState(id, 'running');
    },
  );
  await temporal.temporal.client.workflow.getHandle(id).terminate();
  expect((await read(id))?.state).toBe('running');
  expect((await decide(id, 'cancel')).body).toMatchObject({
    status: 409,
    code: 'OPERATION_FINISHED',
    detail: `Operation ${id} has ended (failed): nothing is left to cancel.`,
  });
});
