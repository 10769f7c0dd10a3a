import type { CrashPoint } from '../simulation/crash';
import type { Experiment, OrderedCluster, Outcome } from './experiment';
import type { Laboratory, Subject } from './laboratory';
import { openLaboratory } from './laboratory';
import { inParallel } from './lanes';
import { judge, run } from './matrix';
import { cancelPoints, inRuns, rowsOf } from './rows';
import { complaints } from './verdict';

/**
 * The crash matrix of restores in place, rollbacks and confirmations, as crash-matrix.test.ts has it for clusters: the worker
 * gets SIGKILL before and after every activity. Whatever happens, a cluster has its old data or its new, never none, and a cancel
 * leaves nothing beside it. HOLDFAST_CHAOS=all runs the records too.
 */

jest.setTimeout(900_000);

const LANES = 4;
const CRASHES_IN_A_RUN = 12;
const all = process.env['HOLDFAST_CHAOS'] === 'all';
const CYCLE = ['restore-in-place', 'rollback', 'confirm-restore'] as const;
type Kind = (typeof CYCLE)[number];

let laboratory: Laboratory;
let subjects: Subject[];
const clusters = new Map<Subject, OrderedCluster>();
const dry = new Map<string, Outcome>();
const rowsRun: Record<string, number> = {};

beforeAll(async () => {
  laboratory = await openLaboratory();
  const names = Array.from({ length: LANES }, (_, i) => `swaps-${i}`);
  subjects = await Promise.all(names.map((name) => laboratory.openLane(name)));
  await Promise.all(
    subjects.map(async (subject, i) => {
      const topology = i === 0 ? 'ha' : 'single';
      const { cluster } = await run(laboratory, subject, { topology, kind: 'provision' });
      await run(laboratory, subject, { topology, kind: 'backup', cluster });
      clusters.set(subject, cluster);
    }),
  );
});
afterAll(async () => {
  await laboratory?.stop();
  process.stdout.write(`rows of the crash matrix: ${JSON.stringify(rowsRun)}\n`);
});

function experimentOf(subject: Subject, kind: Kind): Experiment {
  const cluster = clusters.get(subject);
  if (!cluster) throw new Error('a lane without a cluster');
  return { kind, cluster, topology: cluster.spec.plan === 'ha-s' ? 'ha' : 'single' };
}

const keyOf = ({ kind, topology }: Experiment): string => `${kind}, ${topology}`;

/**
 * What a rollback does as a restore in place does it is not done again, and neither is what happens on several nodes as it does on
 * one.
 */
function isOwn(kind: Kind, topology: string, execution: string): boolean {
  if (execution.startsWith('record: ')) return all && topology === 'single';
  if (all && topology === 'single') return true;
  if (topology === 'ha')
    return kind === 'restore-in-place' && /: (copyAside|stopOld|exchangeData|startNew|keepOld)$/.test(execution);
  return kind !== 'rollback' || /: (makeAside|replayAside|keepOld)$/.test(execution);
}

/** A restore in place, its rollback and its confirmation, one after the other; what is wrong with them. */
async function cycle(subject: Subject, crashesOf: (kind: Kind) => readonly CrashPoint[]): Promise<string[]> {
  const found: string[] = [];
  for (const kind of CYCLE) {
    const experiment = experimentOf(subject, kind);
    const crashes = crashesOf(kind);
    const reference = dry.get(keyOf(experiment));
    if (!reference) {
      const outcome = await run(laboratory, subject, experiment);
      dry.set(keyOf(experiment), outcome);
      found.push(...(await complaints(laboratory, subject.world, experiment, outcome, outcome)));
      if (outcome.result !== 'succeeded') return [...found, `${kind} ${outcome.result}`];
      continue;
    }
    rowsRun[keyOf(experiment)] = (rowsRun[keyOf(experiment)] ?? 0) + crashes.length;
    const { wrong, outcome } = await judge(laboratory, subject, { ...experiment, crashes }, reference);
    const where = crashes.map(({ execution, when }) => `${when} "${execution}"`).join(', ');
    found.push(...wrong.map((one) => `${kind}, ${where}: ${one}`));
    // Another operation can't follow one that stands still.
    if (outcome.result !== 'succeeded') return found;
  }
  return found;
}

test('without a crash each of them does what it says, with replicas and without', async () => {
  const found = await Promise.all(subjects.slice(0, 2).map((subject) => cycle(subject, () => [])));
  expect(found.flat()).toEqual([]);
});

test('the data is exchanged once, whatever the activity before or after which the worker dies', async () => {
  const [ha, ...singles] = subjects;
  if (!ha) throw new Error('no lane');
  const rowsFor = (kind: Kind, topology: string): CrashPoint[] =>
    rowsOf((dry.get(`${kind}, ${topology}`)?.executions ?? []).filter((one) => isOwn(kind, topology, one)));
  const sharesOf = (kind: Kind): CrashPoint[][] => inRuns(rowsFor(kind, 'single'), CRASHES_IN_A_RUN);
  const tasks = Array.from({ length: Math.max(...CYCLE.map((kind) => sharesOf(kind).length)) }, (_, i) => i);
  const onSingles = inParallel(singles, tasks, (subject, i) => cycle(subject, (kind) => sharesOf(kind)[i] ?? []));
  const onHa = cycle(ha, (kind) => rowsFor(kind, 'ha'));
  expect([...(await onSingles), ...(await onHa)]).toEqual([]);
});

test('a cancel before the exchange leaves the cluster as it was, and nothing beside its data', async () => {
  const reference = dry.get('restore-in-place, single');
  if (!reference) throw new Error('no dry run');
  const steps = reference.operation.steps.map(({ id }) => id);
  const before = steps.slice(0, steps.indexOf('put-the-new-data-in-the-place-of-the-old'));
  const points = cancelPoints(reference, before);
  expect(points).toHaveLength(before.length);
  const found = await inParallel(subjects.slice(1), points, async (subject, cancelAt) => {
    const experiment = { ...experimentOf(subject, 'restore-in-place'), cancelAt };
    const outcome = await run(laboratory, subject, experiment);
    const wrong = await complaints(laboratory, subject.world, experiment, outcome, outcome);
    if (outcome.result !== 'cancelled') wrong.push(outcome.result);
    const crashes = rowsOf(outcome.undoing.filter((execution) => / (removeAside|startOld)$/.test(execution)));
    const { wrong: crashed } = await judge(laboratory, subject, { ...experiment, crashes }, outcome);
    rowsRun['cancel'] = (rowsRun['cancel'] ?? 0) + crashes.length;
    return [...wrong, ...crashed].map((one) => `cancelled at "${cancelAt}": ${one}`);
  });
  expect(found).toEqual([]);
});
