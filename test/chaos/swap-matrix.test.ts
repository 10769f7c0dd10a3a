import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHousekeepingActivities } from '../../activities/housekeeping/activities';
import type { RemovedThings } from '../../activities/remove-each';
import type { Condition } from '../../domain/clusters';
import { decideOperation } from '../../workflows/operation';
import { createSimulatedCloud } from '../simulation/cloud';
import type { CrashPoint } from '../simulation/crash';
import { openSimulatedFleet } from '../simulation/fleet';
import { DAMAGED_DATA } from '../simulation/machines';
import { UNREADABLE } from '../simulation/storage';
import { eventually } from '../support/eventually';
import type { Experiment, OrderedCluster, Outcome } from './experiment';
import { begin, prefixOf } from './experiment';
import type { Laboratory, Subject } from './laboratory';
import { openLaboratory } from './laboratory';
import { inParallel } from './lanes';
import { judge, run } from './matrix';
import { all, cancelPoints, drawn, inRuns, rowsOf, tellRows } from './rows';
import { aboutSwap } from './swaps';
import { complaints } from './verdict';

/**
 * The crash matrix of restore points, restores in place, rollbacks and confirmations, as crash-matrix.test.ts has it for clusters: the worker
 * gets SIGKILL before or after every activity. Whatever happens, a cluster has its old data or its new, never none, and a cancel
 * leaves nothing beside it. HOLDFAST_DRAW=all runs the records too.
 */

jest.setTimeout(900_000);

const LANES = 4;
const CRASHES_IN_A_RUN = 12;
const CYCLE = ['create-restore-point', 'restore-in-place', 'rollback', 'confirm-restore'] as const;
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
  tellRows(rowsRun);
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

/** A restore point, a restore in place, its rollback and its confirmation, one after the other; what is wrong with them. */
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

test('a data node and a site that are away from the exchange on hold nobody up, and are brought in when they are back', async () => {
  const [subject] = subjects;
  if (!subject) throw new Error('no lane');
  const { world, lane } = subject;
  const experiment = experimentOf(subject, 'restore-in-place');
  const running = await begin(laboratory, subject, {
    ...experiment,
    crashes: [{ execution: 'put-the-new-data-in-the-place-of-the-old: exchangeData', when: 'before' }],
  });
  await eventually(() => running.stage.armed.length === 0, { everyMs: 20 });
  const { inventory } = laboratory;
  const { keptOn, timelineId } = await inventory.swaps.ofOperation(running.input.operationId);
  const cloud = createSimulatedCloud(world, 'docker');
  const token = `${prefixOf(running.cluster.id)}${keptOn}`;
  await cloud.powerOff(token);
  const account = join(world.folder, 'sites/secondary', timelineId, 'account');
  renameSync(account, `${account}.away`);
  const outcome = await running.outcome();
  expect([outcome.result, outcome.operation.error]).toEqual(['succeeded', null]);
  const told = async (type: Condition['type']): Promise<Condition | undefined> =>
    (await inventory.clusters.get(running.cluster.id))?.status.conditions.find((one) => one.type === type);
  expect(await told('Ready')).toMatchObject({ status: true });
  expect(await told('NodesPresent')).toMatchObject({
    status: false,
    message: expect.stringMatching(new RegExp(`: ${keptOn} since 20\\S+Z\\. `)) as unknown,
  });
  const exchanged = outcome.operation.steps.find(({ id }) => id === 'put-the-new-data-in-the-place-of-the-old');
  expect(exchanged?.progress).toMatch(new RegExp(`^${keptOn} has not answered since 20`));
  expect((await inventory.backups.ofOperation(outcome.operation.id)).copies.map(({ site }) => site)).toEqual([
    'primary',
  ]);
  expect((await told('BackedUp'))?.message).toMatch(/on primary\. There is none of it on secondary/);

  renameSync(`${account}.away`, account);
  const fleet = await openSimulatedFleet(world.folder, lane.settings.home, lane.settings.databaseUrl);
  const bringIn = (): Promise<RemovedThings> => createHousekeepingActivities(fleet).bringInNodes();
  const what = `${outcome.operation.id} ${keptOn}`;
  expect(await bringIn()).toEqual({
    removed: [],
    failed: { [what]: expect.stringContaining('does not answer') as unknown },
  });
  await cloud.powerOn(token);
  expect(await bringIn()).toEqual({ removed: [what], failed: {} });
  expect(await bringIn()).toEqual({ removed: [], failed: {} });
  await fleet.inventory.close();
  expect(await told('NodesPresent')).toBeUndefined();
  expect(await aboutSwap(laboratory, world, experiment, outcome)).toEqual([]);
});

test('a cancel before the exchange leaves the cluster as it was, and nothing beside its data', async () => {
  const reference = dry.get('restore-in-place, single');
  if (!reference) throw new Error('no dry run');
  const steps = reference.operation.steps.map(({ id }) => id);
  const before = steps.slice(0, steps.indexOf('put-the-new-data-in-the-place-of-the-old'));
  const points = cancelPoints(reference, before);
  expect(points).toHaveLength(before.length);
  const found = await inParallel(subjects.slice(1), drawn(points), async (subject, cancelAt) => {
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

test('what a site began is thrown away when it fails in the middle: the next one is read, in a new cluster or in place, and it is told', async () => {
  const subject = subjects[1];
  if (!subject) throw new Error('no lane');
  const inPlace = experimentOf(subject, 'restore-in-place');
  const { cluster } = inPlace;
  const timeline = cluster && (await laboratory.inventory.timelines.current(cluster.id));
  const mark = join(subject.world.folder, 'sites/primary', timeline?.id ?? '', UNREADABLE);
  writeFileSync(mark, '');
  const experiments: Experiment[] = [
    inPlace,
    { kind: 'restore', topology: 'single', ...(cluster && { source: cluster }) },
  ];
  for (const experiment of experiments) {
    const { result, operation } = await run(laboratory, subject, experiment);
    expect([result, operation.error]).toEqual(['succeeded', null]);
    expect(operation.restored?.from).toMatchObject({ site: 'secondary', insteadOf: 'primary' });
  }
  rmSync(mark);
  expect((await run(laboratory, subject, experimentOf(subject, 'confirm-restore'))).result).toBe('succeeded');
});

test('data that comes back damaged is offered to nobody, in a new cluster or in place, and it is told what is wrong with it', async () => {
  const subject = subjects[1];
  if (!subject) throw new Error('no lane');
  const { cluster } = experimentOf(subject, 'restore-in-place');
  const experiments: Experiment[] = [
    experimentOf(subject, 'restore-in-place'),
    { kind: 'restore', topology: 'single', ...(cluster && { source: cluster }) },
  ];
  for (const experiment of experiments) {
    const running = await begin(laboratory, subject, experiment);
    const { operationId, clusterId } = running.input;
    const files = await eventually(() => damageFiles(subject, clusterId));
    for (const file of files) writeFileSync(file, '');
    const { result, operation } = await running.outcome();
    expect(result).toMatch(/^waiting: .*damaged: tables and indexes: heap table "app\.public\.orders", block 3/);
    const wrong = operation.restored?.checks.filter(({ passed }) => !passed);
    expect(wrong?.map(({ name }) => name)).toEqual(['tables and indexes']);
    const state = (await laboratory.inventory.clusters.get(clusterId))?.status.state;
    expect(state).toBe(experiment.kind === 'restore' ? 'creating' : 'ready');
    for (const file of files) rmSync(file, { force: true });
    await laboratory.client.workflow.getHandle(operationId).signal(decideOperation, 'cancel');
    await eventually(async () => (await laboratory.inventory.operations.get(operationId))?.state === 'cancelled');
  }
});

test('a database that comes back damaged is not taken out of backups', async () => {
  const subject = subjects[1];
  if (!subject) throw new Error('no lane');
  const { cluster } = experimentOf(subject, 'restore-in-place');
  const extract: Experiment = { kind: 'restore-database', topology: 'single', ...(cluster && { source: cluster }) };
  const running = await begin(laboratory, subject, extract);
  const { operationId, clusterId } = running.input;
  for (const file of await eventually(() => damageFiles(subject, clusterId))) writeFileSync(file, '');
  const { result, operation } = await running.outcome();
  expect([result, operation.error?.code]).toEqual(['failed', 'RESTORE_DAMAGED']);
  expect(operation.restored?.checks.map(({ passed }) => passed)).toContain(false);
  const { copies, databaseBytes } = await laboratory.inventory.dumps.ofOperation(operationId);
  expect([copies, databaseBytes]).toEqual([[], null]);
  expect(damageFiles(subject, clusterId)).toBe(false);
});

/** On each data node of a cluster, once it has any. */
function damageFiles({ world }: Subject, clusterId: string): string[] | false {
  const tokens = world.hostTokens().filter((token) => token.startsWith(`${clusterId}/`) && /pg-\d$/.test(token));
  const files = tokens.flatMap((token) => world.host(token) ?? []).map(({ root }) => join(root, DAMAGED_DATA));
  return files.length > 0 && files;
}
