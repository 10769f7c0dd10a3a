import { decideOperation } from '../../workflows/operation';
import type { Decision } from '../../workflows/operation';
import { nameOf } from '../simulation/cloud';
import type { Trouble } from '../simulation/trouble';
import { makeTrouble } from '../simulation/trouble';
import { eventually } from '../support/eventually';
import type { Operation, Step } from '../../domain/operations';
import type { Outcome, Running } from './experiment';
import { begin, conduct } from './experiment';
import type { Laboratory, Subject } from './laboratory';
import { openLaboratory } from './laboratory';
import { complaints } from './verdict';

/** What operations make of a cloud that fails, refuses, or does not know what it has just made. */

jest.setTimeout(300_000);

const PROVISION = { kind: 'provision', topology: 'single' } as const;

let laboratory: Laboratory;
let subject: Subject;
let dryRun: Outcome;
beforeAll(async () => {
  laboratory = await openLaboratory();
  subject = await laboratory.openLane('troubled');
  dryRun = await conduct(laboratory, subject, PROVISION);
});
afterAll(() => laboratory?.stop());
afterEach(() => makeTrouble(subject.world, []));

const begun = (troubles: readonly Trouble[]): Promise<Running> => {
  makeTrouble(subject.world, troubles);
  return begin(laboratory, subject, PROVISION);
};
const decide = ({ input }: Running, decision: Decision): Promise<void> =>
  laboratory.client.workflow.getHandle(input.operationId).signal(decideOperation, decision);
const read = async ({ input }: Running): Promise<Operation | undefined> =>
  (await laboratory.inventory.operations.get(input.operationId)) ?? undefined;
const seen = (running: Running, holds: (operation: Operation) => boolean): Promise<Operation> =>
  eventually(async () => {
    const operation = await read(running);
    return operation && holds(operation) ? operation : undefined;
  });
const stepOf = (operation: Operation, id: string): Step | undefined => operation.steps.find((step) => step.id === id);

/** Calls of the cloud that a provision makes, in the order of its steps. */
const CALLS = [
  ['describe', 'choose-a-failure-domain-for-each-node'],
  ['createNetwork', 'create-the-private-network'],
  ['reserveAddress', 'create-the-private-network'],
  ['createHost', 'create-the-hosts'],
] as const;

test.each(CALLS)(
  'a %s that fails for ever is seen being tried again; a cancel leaves nothing',
  async (call, stepId) => {
    const running = await begun([{ call, how: 'fails', code: 'CLOUD_UNAVAILABLE' }]);
    const retrying = await seen(running, (operation) => (stepOf(operation, stepId)?.attempt ?? 0) >= 3);
    expect(stepOf(retrying, stepId)).toMatchObject({
      state: 'running',
      lastError: expect.stringContaining('does not answer') as string,
      nextRetryAt: expect.stringMatching(/^\d{4}-/) as string,
    });
    expect([retrying.state, retrying.cancelable]).toEqual(['running', true]);
    await decide(running, 'cancel');
    const outcome = await running.outcome();
    expect([outcome.result, outcome.operation.state]).toEqual(['cancelled', 'cancelled']);
    expect(await residueOf(outcome)).toEqual([]);
  },
);

test.each(CALLS)(
  'a %s that is refused waits for attention with the reason, and goes on when told',
  async (call, stepId) => {
    const running = await begun([{ call, how: 'fails', code: 'CLOUD_FULL' }]);
    const waiting = await seen(running, ({ state }) => state === 'waiting');
    expect(waiting.reason).toMatch(/^needs attention: ".*" failed: The cloud docker has no room/);
    expect(stepOf(waiting, stepId)).toMatchObject({ state: 'failed', nextRetryAt: null });
    makeTrouble(subject.world, []);
    await decide(running, 'retry');
    await seen(running, ({ state }) => state !== 'waiting');
    expect(await complaints(laboratory, subject.world, PROVISION, await running.outcome(), dryRun)).toEqual([]);
  },
);

test.each(CALLS)('a %s that is refused and then cancelled leaves nothing', async (call) => {
  const running = await begun([{ call, how: 'fails', code: 'CLOUD_REFUSED' }]);
  await seen(running, ({ state }) => state === 'waiting');
  await decide(running, 'cancel');
  await seen(running, ({ state }) => state !== 'waiting');
  const outcome = await running.outcome();
  expect([outcome.result, await residueOf(outcome)]).toEqual(['cancelled', []]);
});

test('what was created and then can not be found for a while is made once', async () => {
  const troubles = (['createNetwork', 'createHost'] as const).map((call): Trouble => ({
    call,
    how: 'made but not found',
    code: 'CLOUD_UNAVAILABLE',
    times: 3,
  }));
  const running = await begun(troubles);
  expect(await complaints(laboratory, subject.world, PROVISION, await running.outcome(), dryRun)).toEqual([]);
});

test('what was created and never found is deleted by a cancel', async () => {
  const running = await begun([{ call: 'createHost', how: 'made but not found', code: 'CLOUD_REFUSED' }]);
  await seen(running, ({ state }) => state === 'waiting');
  expect(subject.world.effects(`${running.input.clusterId}/network`)).toContain('create host pg-1');
  await decide(running, 'cancel');
  await seen(running, ({ state }) => state !== 'waiting');
  const outcome = await running.outcome();
  expect([outcome.result, await residueOf(outcome)]).toEqual(['cancelled', []]);
});

test('a deletion that fails for ever during a cancel is seen being tried again, and ends when the cloud is back', async () => {
  const running = await begun([
    { call: 'createHost', how: 'fails', code: 'CLOUD_FULL' },
    { call: 'deleteNetwork', how: 'fails', code: 'CLOUD_UNAVAILABLE' },
  ]);
  await seen(running, ({ state }) => state === 'waiting');
  await decide(running, 'cancel');
  const stuck = await seen(
    running,
    (operation) =>
      (stepOf(operation, 'create-the-private-network')?.attempt ?? 0) >= 3 && operation.state === 'cancelling',
  );
  expect(stepOf(stuck, 'create-the-private-network')).toMatchObject({ state: 'undoing' });
  makeTrouble(subject.world, []);
  const outcome = await running.outcome();
  expect([outcome.result, await residueOf(outcome)]).toEqual(['cancelled', []]);
});

/** What the cancelled provision left in the cloud, and the cluster's state when that is not `deleted`. */
async function residueOf({ cluster }: Outcome): Promise<string[]> {
  const { world } = subject;
  const found = await laboratory.inventory.clusters.get(cluster.id);
  return [
    ...[...world.hostTokens(), ...world.networkTokens()]
      .filter((token) => token.startsWith(`${cluster.id}/`))
      .map(nameOf),
    ...(found?.status.state === 'deleted' ? [] : [String(found?.status.state)]),
  ];
}
