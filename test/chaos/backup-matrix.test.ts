import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SECRET_NAMES } from '../../activities/secrets/stored-secrets';
import { DAMAGE, HOLD } from '../simulation/machines';
import type { CrashPoint } from '../simulation/crash';
import { eventually } from '../support/eventually';
import type { Experiment, OrderedCluster, Outcome } from './experiment';
import { begin, prefixOf } from './experiment';
import type { Laboratory, Subject } from './laboratory';
import { openLaboratory } from './laboratory';
import { forgetWorld, inParallel } from './lanes';
import { giveMachines } from './machines';
import { blame, judge, run } from './matrix';
import { all, cancelPoints, drawn, inRuns, rowsOf, tellRows } from './rows';
import { complaints } from './verdict';

/**
 * The crash matrix of backups and restores, as crash-matrix.test.ts has it for clusters: the worker gets SIGKILL before or
 * after every activity. Each backup must be in each store exactly once, and what a cancelled restore or a deletion must not
 * leave is gone.
 * Of a restore, rows are those of its own activities: the others, and its records, are a provision's. HOLDFAST_DRAW=all runs
 * its records too, and all rows of each cancel.
 */

jest.setTimeout(900_000);

const LANES = all ? 6 : 3;
const CRASHES_IN_A_RUN = 14;
const CRASHES_IN_A_RESTORE = 8;
const CRASHES_IN_A_CANCEL = 4;
const MACHINES = 3;

const SINGLE = { topology: 'single' } as const;
const HA = { topology: 'ha' } as const;
const MACHINE_HA = { topology: 'ha', cloud: 'static' } as const;

let laboratory: Laboratory;
let subjects: Subject[];
/** A cluster of each lane that has a backup: what that lane restores from. */
const sources = new Map<Subject, OrderedCluster>();
let provision: Outcome;
let backup: Outcome;
let restore: Outcome;
const rowsRun: Record<string, number> = {};

beforeAll(async () => {
  laboratory = await openLaboratory();
  const names = Array.from({ length: LANES }, (_, i) => `backups-${i}`);
  subjects = await Promise.all(names.map((name) => laboratory.openLane(name)));
  await Promise.all(
    subjects.map(async (subject) => {
      const made = await well(subject, { ...SINGLE, kind: 'provision' });
      await well(subject, { ...SINGLE, kind: 'backup', cluster: made.cluster });
      sources.set(subject, made.cluster);
      provision = made;
    }),
  );
  const [first, second] = subjects;
  if (!first || !second) throw new Error('no lanes');
  [backup, restore] = await Promise.all([
    well(first, { ...SINGLE, kind: 'backup', cluster: sourceOf(first) }),
    well(second, restoreIn(second)),
  ]);
});
afterAll(async () => {
  await laboratory?.stop();
  tellRows(rowsRun);
});

function sourceOf(subject: Subject): OrderedCluster {
  const source = sources.get(subject);
  if (!source) throw new Error('a lane without a cluster');
  return source;
}

const restoreIn = (subject: Subject): Experiment => ({ ...SINGLE, kind: 'restore', source: sourceOf(subject) });

/** Of an experiment without crashes, which has to end well. */
async function well(subject: Subject, experiment: Experiment): Promise<Outcome> {
  const outcome = await run(laboratory, subject, experiment);
  expect(await complaints(laboratory, subject.world, experiment, outcome, outcome)).toEqual([]);
  expect(outcome.result).toBe('succeeded');
  return outcome;
}

/** What is wrong with a run with these crashes, told by those of them that are guilty. */
async function hit(
  subject: Subject,
  experiment: Experiment,
  crashes: readonly CrashPoint[],
  dryRun: Outcome,
): Promise<string[]> {
  const { wrong, outcome } = await judge(laboratory, subject, { ...experiment, crashes }, dryRun);
  const guilty = await blame(wrong, crashes, (crash) =>
    judge(laboratory, subject, { ...experiment, crashes: [crash] }, dryRun),
  );
  if (!experiment.cluster) forgetWorld(subject.world, outcome.cluster.id);
  return guilty;
}

type Task = (subject: Subject) => Promise<string[]>;
const perform = (tasks: readonly Task[]): Promise<string[]> =>
  inParallel(subjects, tasks, (subject, task) => task(subject));

test('a backup is taken once to each store, whatever the activity before or after which the worker dies', async () => {
  const rows = rowsOf(backup.executions);
  rowsRun['backup'] = rows.length;
  const tasks = inRuns(rows, CRASHES_IN_A_RUN).map(
    (crashes): Task =>
      (subject) =>
        hit(subject, { ...SINGLE, kind: 'backup', cluster: sourceOf(subject) }, crashes, backup),
  );
  expect(await perform([firstOfReplicas, onMachines, ...tasks])).toEqual([]);
});

/** The first of a cluster makes the stanza, and is taken from a replica. */
async function firstOfReplicas(subject: Subject): Promise<string[]> {
  const first = async (): Promise<Experiment> => {
    const { cluster } = await run(laboratory, subject, { ...HA, kind: 'provision' });
    return { ...HA, kind: 'backup', cluster };
  };
  const dryRun = await well(subject, await first());
  const { nodeRole } = await laboratory.inventory.backups.ofOperation(dryRun.operation.id);
  const rows = rowsOf(dryRun.executions.filter((execution) => !execution.startsWith('record: ')));
  rowsRun['first backup, ha'] = rows.length;
  const found = await hit(subject, await first(), rows, dryRun);
  return nodeRole === 'replica' ? found : [`taken from a ${nodeRole}`, ...found];
}

/** Machines that have taken a backup are as they were once their cluster is deleted. */
async function onMachines(subject: Subject): Promise<string[]> {
  await giveMachines(laboratory, subject, { count: MACHINES, block: subjects.indexOf(subject) });
  const { cluster } = await well(subject, { ...MACHINE_HA, kind: 'provision' });
  await well(subject, { ...MACHINE_HA, kind: 'backup', cluster });
  await well(subject, { ...MACHINE_HA, kind: 'delete', cluster });
  return [];
}

test('a restore brings a cluster and leaves nothing when it is cancelled, wherever the worker dies', async () => {
  const own = restore.executions.filter(
    (execution) => !provision.executions.includes(execution) || execution.includes(': startPatroni'),
  );
  const rows = rowsOf(own.filter((execution) => all || !execution.startsWith('record: ')));
  rowsRun['restore'] = rows.length;
  const made = inRuns(rows, CRASHES_IN_A_RESTORE).map(
    (crashes): Task =>
      (subject) =>
        hit(subject, restoreIn(subject), crashes, restore),
  );
  const steps = new Set(provision.operation.steps.map(({ id }) => id));
  const ownSteps = restore.operation.steps.map(({ id }) => id).filter((id) => !steps.has(id));
  const points = cancelPoints(restore, ownSteps);
  expect(points).toHaveLength(ownSteps.length);
  rowsRun['cancel of a restore'] = 0;
  const always = points.filter((point) => MOST_TO_UNDO.test(point));
  const others = drawn(points.filter((point) => !always.includes(point)));
  const cancelled = [...always, ...others].map(
    (cancelAt): Task =>
      (subject) =>
        cancel(subject, cancelAt),
  );
  expect(await perform([...cancelled, ...made])).toEqual([]);
});

/** Where a cancel of a restore always comes, and the worker dies meanwhile: the first step, and the one with most to undo. */
const MOST_TO_UNDO = /: (findSource|takeBackup)$/;

/** With crashes at those of {@link MOST_TO_UNDO}: what is undone is what a provision undoes. */
async function cancel(subject: Subject, cancelAt: string): Promise<string[]> {
  const experiment = { ...restoreIn(subject), cancelAt };
  const dryRun = await run(laboratory, subject, experiment);
  const found = await complaints(laboratory, subject.world, experiment, dryRun, dryRun);
  const possible = rowsOf(dryRun.undoing.filter((execution) => !restore.executions.includes(execution)));
  const shares = inRuns(possible, CRASHES_IN_A_CANCEL);
  const crashing = MOST_TO_UNDO.test(cancelAt) ? shares.slice(0, 1) : [];
  for (const crashes of all ? shares : crashing) {
    rowsRun['cancel of a restore'] = (rowsRun['cancel of a restore'] ?? 0) + crashes.length;
    found.push(...(await hit(subject, experiment, crashes, dryRun)));
  }
  return found.map((one) => `cancelled at "${cancelAt}": ${one}`);
}

test('a drill proves what it proves once and leaves nothing, wherever the worker dies, and also when it is cancelled', async () => {
  const [first] = subjects;
  if (!first) throw new Error('no lane');
  const dryRun = await well(first, drillIn(first));
  const known = [...provision.executions, ...restore.executions];
  const own = dryRun.executions.filter((execution) => !known.includes(execution));
  const rows = rowsOf(own.filter((execution) => all || !execution.startsWith('record: ')));
  rowsRun['drill'] = rows.length;
  const held = inRuns(rows, CRASHES_IN_A_RESTORE).map(
    (crashes): Task =>
      (subject) =>
        hit(subject, drillIn(subject), crashes, dryRun),
  );
  const points = cancelPoints(dryRun, [
    'choose-the-time-and-the-site-to-restore-from',
    'look-for-damage-in-what-came-back',
  ]);
  expect(points).toHaveLength(2);
  const cancelled = points.map((cancelAt): Task => async (subject) => {
    const experiment = { ...drillIn(subject), cancelAt };
    const outcome = await run(laboratory, subject, experiment);
    return [outcome.result, ...(await complaints(laboratory, subject.world, experiment, outcome, outcome))];
  });
  expect(await perform([...cancelled, ...held])).toEqual(['cancelled', 'cancelled']);
});

const drillIn = (subject: Subject): Experiment => ({ ...SINGLE, kind: 'drill', source: sourceOf(subject) });

test('a database is taken out of backups once, and nothing is left of what that took, wherever the worker dies', async () => {
  const [first] = subjects;
  if (!first) throw new Error('no lane');
  const dryRun = await well(first, extractIn(first));
  const known = [...provision.executions, ...restore.executions];
  // It looks at one database alone.
  const own = dryRun.executions.filter((execution) => !known.includes(execution) || execution.endsWith(': checkData'));
  const rows = rowsOf(own.filter((execution) => all || !execution.startsWith('record: ')));
  rowsRun['restore-database'] = rows.length;
  const taken = inRuns(rows, CRASHES_IN_A_RESTORE).map(
    (crashes): Task =>
      (subject) =>
        hit(subject, extractIn(subject), crashes, dryRun),
  );
  const [cancelAt] = cancelPoints(dryRun, ['store-the-dump-on-a-site']);
  if (cancelAt === undefined) throw new Error('nothing is stored');
  const cancelled: Task = async (subject) => {
    const experiment = { ...extractIn(subject), cancelAt };
    const outcome = await run(laboratory, subject, experiment);
    return [outcome.result, ...(await complaints(laboratory, subject.world, experiment, outcome, outcome))];
  };
  expect(await perform([cancelled, ...taken])).toEqual(['cancelled']);
});

const extractIn = (subject: Subject): Experiment => ({
  ...SINGLE,
  kind: 'restore-database',
  source: sourceOf(subject),
});

test('a backup of pages that do not fit their checksums has failed, and says so', async () => {
  const [subject] = subjects;
  if (!subject) throw new Error('no lane');
  const cluster = sourceOf(subject);
  const files = hostFiles(subject, cluster, DAMAGE);
  for (const file of files) writeFileSync(file, '');
  const { result, operation } = await run(laboratory, subject, { ...SINGLE, kind: 'backup', cluster });
  for (const file of files) rmSync(file, { force: true });
  expect([result, operation.error?.code]).toEqual(['failed', 'BACKUP_DAMAGED']);
  expect((await laboratory.inventory.backups.ofOperation(operation.id)).state).toBe('failed');
  const { status } = (await laboratory.inventory.clusters.get(cluster.id)) ?? {};
  expect(status?.conditions).toContainEqual(
    expect.objectContaining({ type: 'BackedUp', status: false, reason: 'Failed' }),
  );
});

test('a deletion overtakes the backup that runs, and leaves of both what it leaves of a cluster alone', async () => {
  const [subject] = subjects;
  if (!subject) throw new Error('no lane');
  const cluster = sourceOf(subject);
  const files = hostFiles(subject, cluster);
  for (const file of files) writeFileSync(file, '');
  const taken = await begin(laboratory, subject, { ...SINGLE, kind: 'backup', cluster });
  await eventually(async () => {
    const { node } = await laboratory.inventory.backups.ofOperation(taken.input.operationId);
    return node !== null;
  });
  await well(subject, { ...SINGLE, kind: 'delete', cluster });
  const { result, operation } = await taken.outcome();
  expect([result, operation.error?.code]).toEqual(['failed', 'STALE_GENERATION']);
  const { state, error } = await laboratory.inventory.backups.ofOperation(operation.id);
  expect([state, error?.code]).toEqual(['failed', 'STALE_GENERATION']);
  for (const file of files) rmSync(file, { force: true });
});

/** What makes backups of all its hosts go otherwise; by default, none ends while these are there. */
function hostFiles({ world }: Subject, { id }: OrderedCluster, file: string = HOLD.backups): string[] {
  const tokens = world.hostTokens().filter((token) => token.startsWith(prefixOf(id)));
  return tokens.flatMap((token) => world.host(token) ?? []).map(({ root }) => join(root, file));
}

test('a lineage whose passphrase is lost is told at once, by a backup as by a restore, and nothing is tried again', async () => {
  const [, , subject] = subjects;
  if (!subject) throw new Error('no lane');
  const cluster = sourceOf(subject);
  const { inventory, scratch } = laboratory;
  const timeline = await inventory.timelines.current(cluster.id);
  const name = SECRET_NAMES.backupPassphrase(timeline?.id ?? '');
  const told = { code: 'PASSPHRASE_LOST', message: expect.stringContaining('escrow file') as string };
  for (const loss of ["update secrets set ciphertext = '\\x00'", 'delete from secrets']) {
    await scratch.query(`${loss} where name = $1`, [name]);
    const { result, operation } = await run(laboratory, subject, { ...SINGLE, kind: 'backup', cluster });
    expect([result, operation.error]).toEqual(['failed', told]);
    expect(operation.steps.flatMap(({ id, attempt }) => (attempt === 0 ? [] : [[id, attempt]]))).toEqual([
      ['prepare-the-stores', 1],
    ]);
  }
  const { result, operation } = await run(laboratory, subject, restoreIn(subject));
  // It waits for somebody to put it back, or to cancel.
  expect(result).toMatch(/^waiting: .*escrow file/);
  expect(operation.steps.map(({ attempt }) => attempt).slice(0, 2)).toEqual([1, 0]);
});

test('a cluster that was restored, and one that it was restored from, can be deleted', async () => {
  const [, subject] = subjects;
  if (!subject) throw new Error('no lane');
  await well(subject, { ...SINGLE, kind: 'delete', cluster: restore.cluster });
  await well(subject, { ...SINGLE, kind: 'delete', cluster: sourceOf(subject) });
});
