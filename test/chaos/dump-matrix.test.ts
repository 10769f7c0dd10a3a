import { existsSync, writeFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CrashPoint } from '../simulation/crash';
import { HOLD } from '../simulation/machines';
import { eventually } from '../support/eventually';
import { aboutDumps } from './dumps';
import type { Experiment, OrderedCluster, Outcome, Running } from './experiment';
import { begin, prefixOf } from './experiment';
import type { Laboratory, Subject } from './laboratory';
import { openLaboratory } from './laboratory';
import { inParallel } from './lanes';
import { blame, judge, run } from './matrix';
import { cancelPoints, inRuns, rowsOf, tellRows } from './rows';
import { complaints } from './verdict';

/**
 * The crash matrix of dumps, as backup-matrix.test.ts has it for backups: the worker gets SIGKILL before or after every
 * activity. Each dump is on each site exactly once, and nothing of it is left on a node, nor of one that was cancelled anywhere.
 */

jest.setTimeout(900_000);

const LANES = 3;
const CRASHES_IN_A_RUN = 10;

const SINGLE = { topology: 'single' } as const;
const KINDS = ['dump', 'restore-dump', 'delete-dump'] as const;
type Kind = (typeof KINDS)[number];

let laboratory: Laboratory;
let subjects: Subject[];
const clusters = new Map<Subject, OrderedCluster>();
const dryRuns = new Map<Kind, Outcome>();
const rowsRun: Record<string, number> = {};

beforeAll(async () => {
  laboratory = await openLaboratory();
  const names = Array.from({ length: LANES }, (_, i) => `dumps-${i}`);
  subjects = await Promise.all(names.map((name) => laboratory.openLane(name)));
  await Promise.all(
    subjects.map(async (subject) => {
      const { cluster } = await well(subject, { ...SINGLE, kind: 'provision' });
      clusters.set(subject, cluster);
      // The first one makes the role that dumps, which stays.
      for (const kind of ['dump', ...KINDS] as const)
        dryRuns.set(kind, await well(subject, { ...SINGLE, kind, cluster }));
    }),
  );
});
afterAll(async () => {
  await laboratory?.stop();
  tellRows(rowsRun);
});

function clusterOf(subject: Subject): OrderedCluster {
  const cluster = clusters.get(subject);
  if (!cluster) throw new Error('a lane without a cluster');
  return cluster;
}

function dryRunOf(kind: Kind): Outcome {
  const dryRun = dryRuns.get(kind);
  if (!dryRun) throw new Error(`no dry run of ${kind}`);
  return dryRun;
}

/** Of an experiment without crashes, which has to end well. */
async function well(subject: Subject, experiment: Experiment): Promise<Outcome> {
  const outcome = await run(laboratory, subject, experiment);
  expect(await complaints(laboratory, subject.world, experiment, outcome, outcome)).toEqual([]);
  expect(outcome.result).toBe('succeeded');
  return outcome;
}

/** What is wrong with a run with these crashes, told by those of them that are guilty. */
async function hit(subject: Subject, kind: Kind, crashes: readonly CrashPoint[]): Promise<string[]> {
  const cluster = clusterOf(subject);
  // There is a dump to use.
  if (kind !== 'dump') await run(laboratory, subject, { ...SINGLE, kind: 'dump', cluster });
  const experiment = { ...SINGLE, kind, cluster };
  const { wrong } = await judge(laboratory, subject, { ...experiment, crashes }, dryRunOf(kind));
  return blame(wrong, crashes, async (crash) => {
    if (kind !== 'dump') await run(laboratory, subject, { ...SINGLE, kind: 'dump', cluster });
    return judge(laboratory, subject, { ...experiment, crashes: [crash] }, dryRunOf(kind));
  });
}

type Task = (subject: Subject) => Promise<string[]>;
const perform = (tasks: readonly Task[]): Promise<string[]> =>
  inParallel(subjects, tasks, (subject, task) => task(subject));

test.each(KINDS)('%s: once, whatever the activity before or after which the worker dies', async (kind) => {
  const rows = rowsOf(dryRunOf(kind).executions);
  rowsRun[kind] = rows.length;
  expect(
    await perform(
      inRuns(rows, CRASHES_IN_A_RUN).map(
        (crashes): Task =>
          (subject) =>
            hit(subject, kind, crashes),
      ),
    ),
  ).toEqual([]);
});

test.each(['dump', 'restore-dump'] as const)(
  '%s leaves nothing of what it began when it is cancelled',
  async (kind) => {
    const dryRun = dryRunOf(kind);
    const steps = dryRun.operation.steps.map(({ id }) => id);
    // Behind the third step the dump is stored, behind the second one the database gets its name.
    const points = cancelPoints(dryRun, steps.slice(0, 2));
    rowsRun[`cancel of ${kind}`] = points.length;
    expect(points).toHaveLength(2);
    const tasks = points.map((cancelAt): Task => async (subject) => {
      const cluster = clusterOf(subject);
      if (kind !== 'dump') await run(laboratory, subject, { ...SINGLE, kind: 'dump', cluster });
      const experiment = { ...SINGLE, kind, cluster, cancelAt };
      const outcome = await run(laboratory, subject, experiment);
      const found = await complaints(laboratory, subject.world, experiment, outcome, outcome);
      return outcome.result === 'cancelled' ? found : [`cancelled at ${cancelAt}: ${outcome.result}`, ...found];
    });
    expect(await perform(tasks)).toEqual([]);
  },
);

/** A dump whose programs wait on its node until `files` are gone. */
async function heldDump(subject: Subject): Promise<{ taken: Running; roots: string[]; files: string[] }> {
  const cluster = clusterOf(subject);
  const tokens = subject.world.hostTokens().filter((token) => token.startsWith(prefixOf(cluster.id)));
  const roots = tokens.flatMap((token) => subject.world.host(token) ?? []).map(({ root }) => root);
  const files = roots.map((root) => join(root, HOLD.dumps));
  for (const file of files) writeFileSync(file, '');
  const taken = await begin(laboratory, subject, { ...SINGLE, kind: 'dump', cluster });
  await eventually(async () => (await laboratory.inventory.dumps.ofOperation(taken.input.operationId)).node !== null);
  return { taken, roots, files };
}

test('what a terminated dump still does, and has left, is ended by the next one, and is not in it', async () => {
  const [subject] = subjects;
  if (!subject) throw new Error('no lane');
  const lost = await heldDump(subject);
  const { operationId } = lost.taken.input;
  const works = (): boolean =>
    lost.roots.some((root) => existsSync(join(root, 'run/simulation/jobs', `holdfast-dump-${operationId}-dump`)));
  await eventually(works);
  await laboratory.client.workflow.getHandle(operationId).terminate('by an operator');
  await eventually(async () => (await laboratory.inventory.operations.get(operationId))?.state === 'failed');
  expect(works()).toBe(true);

  const { taken, files } = await heldDump(subject);
  await eventually(() => !works());
  for (const file of files) rmSync(file, { force: true });
  const outcome = await taken.outcome();
  expect(outcome.result).toBe('succeeded');
  expect(await aboutDumps(laboratory, subject.world, outcome)).toEqual([]);
});

test('a deletion overtakes the dump that runs', async () => {
  const [subject] = subjects;
  if (!subject) throw new Error('no lane');
  const cluster = clusterOf(subject);
  const { taken, files } = await heldDump(subject);
  await well(subject, { ...SINGLE, kind: 'delete', cluster });
  const { result, operation } = await taken.outcome();
  expect([result, operation.error?.code]).toEqual(['failed', 'STALE_GENERATION']);
  expect((await laboratory.inventory.dumps.ofOperation(operation.id)).state).toBe('failed');
  for (const file of files) rmSync(file, { force: true });
});
