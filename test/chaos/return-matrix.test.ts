import type { BackupPolicy } from '../../domain/backups';
import type { CrashPoint, Execution } from '../simulation/crash';
import { newCluster, newId } from '../support/inventory';
import { HOOKED, POLICY } from '../support/lineage';
import type { Experiment, OrderedCluster, Outcome } from './experiment';
import type { Laboratory, Subject } from './laboratory';
import { openLaboratory } from './laboratory';
import { aboutBegun, aboutNone } from './first-policies';
import { inParallel } from './lanes';
import type { Judged } from './matrix';
import { blame, run } from './matrix';
import { aboutPolicy } from './policies';
import { all, cancelPoints, inRuns, rowsOf, tellRows } from './rows';
import type { Identity } from './undeletes';
import { aboutUndelete, identityOf } from './undeletes';
import { complaints } from './verdict';

/**
 * The crash matrix of clusters that come back after their deletion, and of changes of the policy of backups, the first one too, as
 * backup-matrix.test.ts has it for backups: the worker gets SIGKILL before or after every activity. Of an undelete, rows are
 * those of the activities that do something else than in a restore: HOLDFAST_DRAW=all runs the others, and the records, too.
 */

jest.setTimeout(900_000);

const LANES = 3;
const CRASHES_IN_A_RUN = 8;
const SINGLE = { topology: 'single' } as const;

/** Adds a site and leaves one, keeps other backups, at other times. */
const OTHER: BackupPolicy = {
  ...POLICY,
  sites: ['primary', 'offsite'],
  schedule: { ...POLICY.schedule, full: '11 3 * * 6' },
  retention: { unit: 'count', full: 9 },
};

let laboratory: Laboratory;
let subjects: Subject[];
const clusters = new Map<Subject, OrderedCluster>();
const identities = new Map<Subject, Identity>();
/** Clusters without backups. */
const bare = new Map<Subject, OrderedCluster>();
/** By what a run does. */
const dry = new Map<string, Outcome>();
const rowsRun: Record<string, number> = {};

beforeAll(async () => {
  laboratory = await openLaboratory();
  const names = Array.from({ length: LANES }, (_, i) => `return-${i}`);
  subjects = await Promise.all(names.map((name) => laboratory.openLane(name)));
  await Promise.all(
    subjects.map(async (subject) => {
      const { cluster } = await run(laboratory, subject, { ...SINGLE, kind: 'provision' });
      await run(laboratory, subject, { ...SINGLE, kind: 'backup', cluster });
      clusters.set(subject, cluster);
      identities.set(subject, await identityOf(laboratory, subject.world, cluster));
    }),
  );
});
afterAll(async () => {
  await laboratory?.stop();
  tellRows(rowsRun);
});

function known<T>(map: ReadonlyMap<Subject, T>, subject: Subject): T {
  const found = map.get(subject);
  if (found === undefined) throw new Error('a lane without a cluster');
  return found;
}

/** Of the first run that does the same, which has no crashes. */
async function judgeBy(
  what: string,
  subject: Subject,
  experiment: Experiment,
  about: (outcome: Outcome) => Promise<string[]>,
): Promise<Judged> {
  const outcome = await run(laboratory, subject, experiment);
  const reference = dry.get(what) ?? outcome;
  dry.set(what, reference);
  const wrong = await complaints(laboratory, subject.world, experiment, outcome, reference);
  return { wrong: wrong.length > 0 ? wrong : await about(outcome), outcome };
}

interface Trouble {
  readonly crashes?: readonly CrashPoint[];
  readonly cancelAt?: Execution;
}

/** The other policy than the one that the cluster has. */
async function configure(subject: Subject, trouble: Trouble = {}): Promise<Judged> {
  // An undelete that was cancelled leaves it deleted.
  if (await isDeleted(subject)) await bringBack(subject);
  const cluster = known(clusters, subject);
  const before = cluster.spec.backups ?? POLICY;
  const after = before.sites.includes('offsite') ? POLICY : OTHER;
  const wanted = trouble.cancelAt === undefined ? after : before;
  const becomes = { ...cluster, spec: { ...cluster.spec, backups: wanted } };
  clusters.set(subject, becomes);
  const experiment: Experiment = { ...SINGLE, ...trouble, kind: 'configure-backups', cluster: becomes, policy: after };
  const what = `${trouble.cancelAt ?? 'to'} ${after.sites.join(',')}`;
  return judgeBy(what, subject, experiment, (outcome) => aboutPolicy(laboratory, subject.world, outcome, wanted));
}

async function isDeleted(subject: Subject): Promise<boolean> {
  const found = await laboratory.inventory.clusters.get(known(clusters, subject).id);
  return found?.deletedAt !== null;
}

/** Deletes the cluster, where it is there, and has it come back. */
async function bringBack(subject: Subject, trouble: Trouble = {}): Promise<Judged> {
  const source = known(clusters, subject);
  if (!(await isDeleted(subject))) await run(laboratory, subject, { ...SINGLE, kind: 'delete', cluster: source });
  const experiment: Experiment = { ...SINGLE, ...trouble, kind: 'restore', source, undeletes: true };
  const judged = await judgeBy(
    `undelete ${trouble.cancelAt ?? ''}`,
    subject,
    experiment,
    async ({ cluster, result }) =>
      result === 'succeeded' ? aboutUndelete(laboratory, subject.world, cluster, known(identities, subject)) : [],
  );
  if (judged.outcome.result === 'succeeded') clusters.set(subject, judged.outcome.cluster);
  return judged;
}

/** Gives backups to a cluster that was made without; one that a cancel left without any is used again. */
async function beginBackups(subject: Subject, trouble: Trouble = {}): Promise<Judged> {
  const cluster = bare.get(subject) ?? (await makeBare(subject));
  const isCancelled = trouble.cancelAt !== undefined;
  const becomes = { ...cluster, spec: { ...cluster.spec, backups: HOOKED } };
  const experiment: Experiment = { ...SINGLE, ...trouble, kind: 'begin-backups', cluster: becomes, policy: HOOKED };
  const judged = await judgeBy(`begin ${trouble.cancelAt ?? ''}`, subject, experiment, async (outcome) =>
    isCancelled
      ? aboutNone(laboratory, subject.world, outcome)
      : [...(await aboutPolicy(laboratory, subject.world, outcome, HOOKED)), ...aboutBegun(subject.world, outcome)],
  );
  if (!isCancelled) bare.delete(subject);
  return judged;
}

async function makeBare(subject: Subject): Promise<OrderedCluster> {
  const ordered = newCluster(laboratory.project, newId('clu').replaceAll('_', '-'));
  const cluster = { ...ordered, spec: { ...ordered.spec, plan: 'sandbox' } };
  await run(laboratory, subject, { ...SINGLE, kind: 'provision', cluster });
  bare.set(subject, cluster);
  return cluster;
}

type Act = typeof configure;

/** Runs all rows, shared out over the lanes; gives what is wrong. */
async function withCrashes(act: Act, rows: readonly CrashPoint[], trouble: Trouble = {}): Promise<string[]> {
  return inParallel(subjects, inRuns(rows, CRASHES_IN_A_RUN), async (subject, crashes) => {
    const { wrong } = await act(subject, { ...trouble, crashes });
    return blame(wrong, crashes, (crash) => act(subject, { ...trouble, crashes: [crash] }));
  });
}

function dryRunOf(what: string): Outcome {
  const found = dry.get(what);
  if (!found) throw new Error(`no dry run of ${what}`);
  return found;
}

test('without a crash a policy is followed, in both directions, also the first one of a cluster, and a deleted cluster comes back as it was', async () => {
  const [first, second, third] = subjects;
  if (!first || !second || !third) throw new Error('no lanes');
  const found = await Promise.all([
    configure(first).then(async (one) => [...one.wrong, ...(await configure(first)).wrong]),
    bringBack(second).then(({ wrong }) => wrong),
    beginBackups(third).then(({ wrong }) => wrong),
  ]);
  expect(found.flat()).toEqual([]);
});

/** What these do depends on what the cluster was before its deletion. */
const OWN = /: (findSource|createNetwork|makeAuthority|createDatabase|waitForData)$/;

test('a deleted cluster comes back once and as it was, wherever the worker dies, also after that was cancelled', async () => {
  const { executions } = dryRunOf('undelete ');
  const rows = rowsOf(
    executions.filter((execution) => all || (OWN.test(execution) && !execution.startsWith('record: '))),
  );
  rowsRun['undelete'] = rows.length;
  const points = executions.filter((execution) => /^[^:]+: (findSource|createNetwork)$/.test(execution));
  expect(points).toHaveLength(2);
  const cancelled = await inParallel(subjects, points, async (subject, cancelAt) => {
    const { wrong, outcome } = await bringBack(subject, { cancelAt });
    return [outcome.result, ...wrong.map((one) => `cancelled at "${cancelAt}": ${one}`)];
  });
  expect([...cancelled, ...(await withCrashes(bringBack, rows))]).toEqual(['cancelled', 'cancelled']);
});

test('a policy is followed wherever the worker dies', async () => {
  const rows = rowsOf(dryRunOf('to primary,offsite').executions);
  rowsRun['configure-backups'] = rows.length;
  expect(await withCrashes(configure, rows)).toEqual([]);
});

test('a cluster that has no backups gets them wherever the worker dies', async () => {
  const rows = rowsOf(dryRunOf('begin ').executions.filter((execution) => all || !execution.startsWith('record: ')));
  rowsRun['begin-backups'] = rows.length;
  expect(await withCrashes(beginBackups, rows)).toEqual([]);
});

test('backups that a cluster was to get are taken back wherever a cancel comes and the worker dies: it has none, as before', async () => {
  const [subject] = subjects;
  if (!subject) throw new Error('no lane');
  expect(await takenBack(subject, beginBackups, dryRunOf('begin '), 'cancel of begin-backups')).toEqual(cancelled(4));
});

test('a policy that is taken back leaves all as it was, wherever that comes and the worker dies', async () => {
  const [subject] = subjects;
  if (!subject) throw new Error('no lane');
  const reference = dryRunOf('to primary,offsite');
  expect(await takenBack(subject, configure, reference, 'cancel of configure-backups')).toEqual(cancelled(4));
});

const cancelled = (times: number): string[] => Array.from({ length: times }, () => 'cancelled');

/** Cancels at each step but the last one, at the last of these with crashes too; gives how that ended, and what is wrong. */
async function takenBack(subject: Subject, act: Act, reference: Outcome, what: string): Promise<string[]> {
  const before = reference.operation.steps.map(({ id }) => id).slice(0, -1);
  const points = cancelPoints(reference, before);
  const found: string[] = [];
  for (const cancelAt of points) {
    const { wrong, outcome } = await act(subject, { cancelAt });
    const rows = rowsOf(outcome.undoing.filter((execution) => !execution.startsWith('record: ')));
    const crashes = cancelAt === points.at(-1) ? rows : [];
    rowsRun[what] = crashes.length;
    if (crashes.length > 0) wrong.push(...(await act(subject, { cancelAt, crashes })).wrong);
    found.push(outcome.result, ...wrong.map((one) => `cancelled at "${cancelAt}": ${one}`));
  }
  return found;
}
