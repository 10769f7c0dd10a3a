import type { OrderedCluster, Outcome } from './experiment';
import type { Laboratory, Subject } from './laboratory';
import { openLaboratory } from './laboratory';
import { forgetWorld, inParallel } from './lanes';
import { giveMachines } from './machines';
import type { Judged } from './matrix';
import { blame, judge, run } from './matrix';
import { all, cancelPoints, drawn, inRuns, openRota, rowsOf, tellRows } from './rows';
import type { CrashPoint } from '../simulation/crash';
import { complaints } from './verdict';

/**
 * The crash matrix: the worker gets SIGKILL before or after every activity of every workflow. Each run must end as the
 * dry run did, each effect must have happened exactly once, and nothing may be left over.
 * Clusters are made on hosts that a cloud makes, and on three machines that somebody has, where gateways and data nodes
 * share them: there, software is installed and removed by host jobs, and the machines have to be as they were in the end.
 * A provision is cancelled at steps that are drawn (on machines: from CANCELLED_ON_MACHINES). By default each of these runs has
 * other rows, until all that were drawn had theirs in one of them; HOLDFAST_DRAW=all cancels at each step and runs all rows there.
 */

jest.setTimeout(1_800_000);

const LANES = 6;
const CRASHES_IN_A_RUN = 14;
const CRASHES_IN_A_CANCEL = 4;
/** What an `ha` plan needs at least. */
const MACHINES = 3;
/** What stands between the last two is undone as the last one is. */
const CANCELLED_ON_MACHINES = [
  'choose-a-failure-domain-for-each-node',
  'check-that-the-cloud-can-do-it',
  'create-the-private-network',
  'create-the-hosts',
  'install-the-software',
  'write-and-read-through-every-port',
];

let laboratory: Laboratory;
let subjects: Subject[];
const rowsRun: Record<string, number> = {};

beforeAll(async () => {
  laboratory = await openLaboratory();
  const names = Array.from({ length: LANES }, (_, i) => `lane-${i}`);
  subjects = await Promise.all(names.map((name) => laboratory.openLane(name)));
  await Promise.all(subjects.map((subject, block) => giveMachines(laboratory, subject, { count: MACHINES, block })));
});
afterAll(async () => {
  await laboratory?.stop();
  tellRows(rowsRun);
});

/** Which of the steps that a cancel ends at the same moment are told in one record, and by which of them that is called. */
const isOfChance = (execution: string): boolean => /^record: .* failed$/.test(execution);

/** A provision that is cancelled at that execution. */
interface Cancelled {
  readonly cancelAt: string;
  readonly dryRun: Outcome;
}

const KINDS = [{ topology: 'ha', cloud: 'docker' } as const, { topology: 'ha', cloud: 'static' } as const];

describe.each(KINDS)('a cluster of topology $topology in the cloud $cloud', (kind) => {
  const name = `${kind.topology} ${kind.cloud}`;
  let provision: Outcome;
  let deletion: Outcome;

  beforeAll(async () => {
    const [subject] = subjects;
    if (!subject) throw new Error('no lane');
    provision = await run(laboratory, subject, { ...kind, kind: 'provision' });
    deletion = await run(laboratory, subject, { ...kind, kind: 'delete', cluster: provision.cluster });
    expect([provision.result, deletion.result]).toEqual(['succeeded', 'succeeded']);
  });

  const made = (subject: Subject, crashes: readonly CrashPoint[]): Promise<Judged> =>
    judge(laboratory, subject, { ...kind, kind: 'provision', crashes }, provision);
  const deleted = async (
    subject: Subject,
    crashes: readonly CrashPoint[],
    cluster?: OrderedCluster,
  ): Promise<Judged> => {
    const target = cluster ?? (await run(laboratory, subject, { ...kind, kind: 'provision' })).cluster;
    return judge(laboratory, subject, { ...kind, kind: 'delete', cluster: target, crashes }, deletion);
  };

  test('is made and deleted right, whatever the activity before or after which the worker dies', async () => {
    const [makingRows, deletingRows] = [rowsOf(provision.executions), rowsOf(deletion.executions)];
    rowsRun[`${name} provision`] = makingRows.length;
    rowsRun[`${name} delete`] = deletingRows.length;
    const [making, deleting] = [inRuns(makingRows, CRASHES_IN_A_RUN), inRuns(deletingRows, CRASHES_IN_A_RUN)];
    expect(deleting.length).toBeLessThanOrEqual(making.length);
    const pairs = making.map((crashes, i) => ({ crashes, then: deleting[i] }));
    const wrong = await inParallel(subjects, pairs, async (subject, { crashes, then }) => {
      const first = await made(subject, crashes);
      const { cluster } = first.outcome;
      const found = await blame(first.wrong, crashes, (crash) => made(subject, [crash]));
      if (!then || found.length > 0) {
        forgetWorld(subject.world, cluster.id);
        return found;
      }
      const second = await deleted(subject, then, cluster);
      return blame(second.wrong, then, (crash) => deleted(subject, [crash]));
    });
    expect(wrong).toEqual([]);
  });

  test('leaves nothing when its provision is cancelled at any step, wherever the worker dies meanwhile', async () => {
    const steps =
      all || kind.cloud !== 'static' ? provision.operation.steps.map(({ id }) => id) : CANCELLED_ON_MACHINES;
    const points = cancelPoints(provision, steps);
    expect(points).toHaveLength(steps.length);
    let rows = 0;
    const rota = openRota<Cancelled>();
    const hit = async (subject: Subject, { cancelAt, dryRun }: Cancelled, crashes: CrashPoint[]): Promise<string[]> => {
      const cancelled = { ...kind, kind: 'provision', cancelAt } as const;
      rows += crashes.length;
      const { wrong } = await judge(laboratory, subject, { ...cancelled, crashes }, dryRun);
      const guilty = await blame(wrong, crashes, (crash) =>
        judge(laboratory, subject, { ...cancelled, crashes: [crash] }, dryRun),
      );
      return guilty.map((one) => `cancelled at "${cancelAt}": ${one}`);
    };
    const wrong = await inParallel(subjects, drawn(points), async (subject, cancelAt) => {
      const cancelled = { ...kind, kind: 'provision', cancelAt } as const;
      const dryRun = await run(laboratory, subject, cancelled);
      const found = await complaints(laboratory, subject.world, cancelled, dryRun, dryRun);
      // What is not in a provision that nobody cancels, undoes.
      const possible = rowsOf(
        dryRun.undoing.filter((execution) => !provision.executions.includes(execution) && !isOfChance(execution)),
      );
      const share = rota.share({ cancelAt, dryRun }, possible, CRASHES_IN_A_CANCEL);
      for (const crashes of all ? inRuns(possible, CRASHES_IN_A_CANCEL) : [share])
        found.push(...(await hit(subject, { cancelAt, dryRun }, crashes)));
      return found;
    });
    // What came nowhere yet; one by one, because what is possible beside it differs.
    wrong.push(
      ...(await inParallel(subjects, rota.left, (subject, { experiment, row }) => hit(subject, experiment, [row]))),
    );
    rowsRun[`${name} cancel`] = rows;
    expect(wrong).toEqual([]);
  });
});
