import { setTimeout as sleep } from 'node:timers/promises';
import { isFinal } from '../../domain/operations';
import type { OperationAnswer } from '../../domain/schemas/operations';
import { operationSchema } from '../../domain/schemas/operations';
import { chance } from '../support/chance';
import { eventually } from '../support/eventually';
import type { Holdfast } from '../support/holdfast';
import { startHoldfast } from '../support/holdfast';
import { login, query } from './support/endpoint';
import { seedOf } from '../../infra/local/turns';

/**
 * The worker gets SIGKILL at random moments of provisions, cancels and deletions on real hosts. Set
 * HOLDFAST_TEST_SEED to the number that a run printed to have its moments again.
 */

jest.setTimeout(600_000);

const SEED = seedOf(process.env);
const random = chance(SEED);

let holdfast: Holdfast;
beforeAll(async () => {
  process.stdout.write(`seed of the crashes on real hosts: ${SEED}\n`);
  holdfast = await startHoldfast();
});
afterAll(() => holdfast?.stop());

let killsInTheMiddle = 0;

/** After a pause of up to `withinMs`; another worker is there at once. */
async function killWorker({ id }: OperationAnswer, withinMs: number): Promise<void> {
  await sleep(random() * withinMs);
  const { state } = await holdfast.operation(id);
  await holdfast.worker.kill();
  if (!isFinal(state)) killsInTheMiddle++;
  holdfast.worker.start();
}

/** Taking a small cluster away takes twice so long at least. */
const UNDOING_MS = 400;

/** The last steps are over before anybody can come between. */
const QUICK_STEPS = 2;

/**
 * Waits until the operation is at a random one of its steps, or behind it; gives its id.
 *
 * @param part of how many equal parts of the operation, so that later ones are behind earlier ones.
 */
async function atSomeStep({ id, steps }: OperationAnswer, part = 0, parts = 1): Promise<string> {
  const wanted = steps[Math.floor(((part + random()) / parts) * (steps.length - QUICK_STEPS))]?.id;
  await eventually(async () => {
    const now = await holdfast.operation(id);
    return isFinal(now.state) || now.steps.some((step) => step.id === wanted && step.state !== 'pending');
  });
  return wanted ?? '';
}

/** Whatever the cloud has of a cluster, by kind. */
async function inCloud(clusterId: string): Promise<Record<string, number>> {
  const found = await holdfast.fleet.clouds.docker.listByTags({ 'holdfast.cluster': clusterId });
  const counts: Record<string, number> = {};
  for (const { kind } of found) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

const provision = (name: string): Promise<OperationAnswer> => holdfast.order({ name, plan: 'sandbox' });

test(`a provision that is hit five times makes one cluster, which serves (seed ${SEED})`, async () => {
  const operation = await provision('hit-often');
  for (let kills = 0; kills < 5; kills++) {
    const step = await atSomeStep(operation, kills, 5);
    await killWorker(operation, 500);
    process.stdout.write(`killed at or behind "${step}"\n`);
  }
  await holdfast.succeed(operation.id);
  const whole = await inCloud(operation.clusterId);
  expect([whole['host'], whole['network']]).toEqual([2, 1]);
  const credentials = await holdfast.credentials('hit-often');
  expect(await query(login(credentials, 'primaryPort'), 'select 1 as one')).toEqual([{ one: 1 }]);
});

test.each([1, 2, 3, 4])('cancel %i of a provision, with the worker killed meanwhile, leaves nothing', async (turn) => {
  const operation = await provision(`regretted-${turn}`);
  const step = await atSomeStep(operation);
  process.stdout.write(`cancelled at or behind "${step}"\n`);
  expect(await holdfast.api('POST', `/v1/operations/${operation.id}/cancel`)).toMatchObject({ status: 202 });
  await killWorker(operation, UNDOING_MS);
  const { state } = await holdfast.waitFor(operation.id, (now) => isFinal(now.state));
  expect(state).toBe('cancelled');
  expect(await inCloud(operation.clusterId)).toEqual({});
});

test('a deletion that is hit four times leaves nothing', async () => {
  const answer = await holdfast.api('DELETE', '/v1/clusters/hit-often', { confirm: 'hit-often' });
  const operation = operationSchema.parse(answer.body);
  for (let kills = 0; kills < 4; kills++) await killWorker(operation, UNDOING_MS);
  await holdfast.succeed(operation.id);
  expect(await inCloud(operation.clusterId)).toEqual({});
});

test('ten of the kills at least came in the middle of an operation', () => {
  expect(killsInTheMiddle).toBeGreaterThanOrEqual(10);
});
