import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../support/eventually';
import type { Experiment, OrderedCluster, Outcome, Running } from './experiment';
import { begin } from './experiment';
import type { Laboratory, Subject } from './laboratory';
import { openLaboratory } from './laboratory';
import { judge, run } from './matrix';
import { cancelPoints, rowsOf, tellRows } from './rows';
import { aboutSwitchover, gatewaysOf, isPaused, primaryOf } from './switchovers';
import { complaints } from './verdict';

/**
 * The crash matrix of switchovers, as crash-matrix.test.ts has it for clusters: the worker gets SIGKILL before or after every
 * activity, and while clients wait. Whatever happens, the cluster is switched once or not at all, and nobody waits for ever.
 */

jest.setTimeout(900_000);

const HA = { topology: 'ha', kind: 'switchover' } as const;
/** What keeps PgBouncer from pausing. */
const TRANSACTIONS = 'run/simulation/transactions';

let laboratory: Laboratory;
let subject: Subject;
let cluster: OrderedCluster;
let dryRun: Outcome;
const rowsRun: Record<string, number> = {};

beforeAll(async () => {
  laboratory = await openLaboratory();
  subject = await laboratory.openLane('switchovers');
  ({ cluster } = await run(laboratory, subject, { topology: 'ha', kind: 'provision' }));
  await run(laboratory, subject, { topology: 'ha', kind: 'backup', cluster });
  dryRun = await run(laboratory, subject, experiment());
});
afterAll(async () => {
  await laboratory?.stop();
  tellRows(rowsRun);
});

const experiment = (more: Partial<Experiment> = {}): Experiment => ({ ...HA, cluster, ...more });
const complaintsOf = (outcome: Outcome, more: Partial<Experiment> = {}): Promise<string[]> =>
  complaints(laboratory, subject.world, experiment(more), outcome, more.cancelAt === undefined ? dryRun : outcome);

/** Transactions of all gateways go on until it is called. */
function keepTransactionsOpen(): () => void {
  const files = gatewaysOf(subject.world, cluster).map(({ root }) => join(root, TRANSACTIONS));
  for (const file of files) writeFileSync(file, 'ESTAB 0 0 127.0.0.1:40000 127.0.0.1:5432\n');
  return () => files.forEach((file) => rmSync(file));
}

const whilePaused = async (): Promise<Running> => {
  const running = await begin(laboratory, subject, experiment());
  await eventually(() => gatewaysOf(subject.world, cluster).every(({ root }) => isPaused(root)), { everyMs: 20 });
  return running;
};

test('without a crash another data node is the primary, the gateways lead there and nobody waits', async () => {
  expect([dryRun.result, dryRun.operation.error]).toEqual(['succeeded', null]);
  expect(await complaintsOf(dryRun)).toEqual([]);
});

test('the cluster is switched once, whatever the activity before or after which the worker dies', async () => {
  const rows = rowsOf(dryRun.executions.filter((execution) => !execution.startsWith('record: ')));
  expect(rows.length).toBeGreaterThanOrEqual(1);
  rowsRun['switchover'] = rows.length;
  const { wrong } = await judge(laboratory, subject, experiment({ crashes: rows }), dryRun);
  expect(wrong).toEqual([]);
});

test('a worker that dies while clients wait leaves them waiting for seconds; the next one pauses anew, and switches once', async () => {
  const go = keepTransactionsOpen();
  const running = await whilePaused();
  subject.lane.kill();
  go();
  const outcome = await running.outcome();
  expect([outcome.result, outcome.operation.error]).toEqual(['succeeded', null]);
  expect(aboutSwitchover(subject.world, HA, outcome)).toEqual([]);
  expect(outcome.effects.filter((effect) => effect.endsWith(' handed over'))).toHaveLength(1);
});

test('clients that wait go on by themselves where no worker comes back', async () => {
  const go = keepTransactionsOpen();
  const running = await whilePaused();
  await subject.lane.stop();
  await eventually(() => gatewaysOf(subject.world, cluster).every(({ root }) => !isPaused(root)), { everyMs: 100 });
  go();
  subject = { ...subject, lane: await laboratory.openLane('switchovers').then(({ lane }) => lane) };
  expect((await running.outcome()).result).toBe('succeeded');
});

test('transactions that do not end keep nobody waiting: the operation has failed, the primary is the same', async () => {
  const go = keepTransactionsOpen();
  const before = primaryOf(subject.world, cluster);
  const outcome = await run(laboratory, subject, experiment());
  go();
  expect([outcome.result, outcome.operation.error]).toEqual([
    'failed',
    {
      code: 'SWITCHOVER_FAILED',
      message: expect.stringMatching(
        /transactions on gw-\d did not end within 5 s\. It serves as before\.$/,
      ) as unknown,
    },
  ]);
  expect(primaryOf(subject.world, cluster)).toBe(before);
  expect(aboutSwitchover(subject.world, HA, outcome)).toEqual([]);
});

test('a cancel before the switch leaves the primary what it is', async () => {
  const steps = ['choose-the-standby-to-switch-to', 'write-out-what-is-in-memory'];
  const points = cancelPoints(dryRun, steps);
  expect(points).toHaveLength(steps.length);
  for (const cancelAt of points) {
    const before = primaryOf(subject.world, cluster);
    const outcome = await run(laboratory, subject, experiment({ cancelAt }));
    expect([cancelAt, outcome.result, await complaintsOf(outcome, { cancelAt })]).toEqual([cancelAt, 'cancelled', []]);
    expect(primaryOf(subject.world, cluster)).toBe(before);
  }
});
