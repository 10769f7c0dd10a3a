import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { WANTS } from '../../activities/host/services';
import type { NodeName } from '../../domain/topology';
import { isActive } from '../simulation/machine';
import { machinesOf } from '../simulation/machines';
import type { Experiment, OrderedCluster, Outcome } from './experiment';
import type { Laboratory, Subject } from './laboratory';
import { openLaboratory } from './laboratory';
import { giveMachines } from './machines';
import { judge, run } from './matrix';
import { cancelPoints, rowsOf, tellRows } from './rows';
import { primaryOf } from './switchovers';
import { complaints } from './verdict';

/**
 * The crash matrix of work on nodes and of stops and starts, as crash-matrix.test.ts has it for clusters: the worker gets SIGKILL before or
 * after every activity. Whatever happens, nothing is restarted or copied twice, and a cluster is stopped or serves.
 */

jest.setTimeout(900_000);

/** Where a simulated host keeps what its systemd runs. */
const UNITS = 'run/simulation/units';

let laboratory: Laboratory;
let subject: Subject;
const clusters: Record<string, OrderedCluster> = {};
const rowsRun: Record<string, number> = {};

beforeAll(async () => {
  laboratory = await openLaboratory();
  subject = await laboratory.openLane('maintenance');
  for (const topology of ['ha', 'single'] as const) {
    const { cluster } = await run(laboratory, subject, { topology, kind: 'provision' });
    await run(laboratory, subject, { topology, kind: 'backup', cluster });
    clusters[topology] = cluster;
  }
});
afterAll(async () => {
  await laboratory?.stop();
  tellRows(rowsRun);
});

function clusterOf(topology: Experiment['topology']): OrderedCluster {
  const cluster = clusters[topology];
  if (!cluster) throw new Error(`no cluster ${topology}`);
  return cluster;
}

type Which = 'the primary' | 'a replica' | 'a gateway';

function nodeFor(cluster: OrderedCluster, which: Which): NodeName {
  const primary = primaryOf(subject.world, cluster);
  switch (which) {
    case 'the primary':
      return primary as NodeName;
    case 'a replica':
      return primary === 'pg-3' ? 'pg-2' : 'pg-3';
    case 'a gateway':
      return 'gw-1';
  }
}

const experimentOf = (
  kind: Experiment['kind'],
  topology: Experiment['topology'],
  which?: Which,
  more: Partial<Experiment> = {},
): Experiment => {
  const cluster = clusterOf(topology);
  return { kind, topology, cluster, ...(which && { node: nodeFor(cluster, which) }), ...more };
};

const complaintsOf = (experiment: Experiment, outcome: Outcome): Promise<string[]> =>
  complaints(laboratory, subject.world, experiment, outcome, outcome);

const own = ({ executions }: Outcome): ReturnType<typeof rowsOf> =>
  rowsOf(executions.filter((execution) => !execution.startsWith('record: ')));

const NODE_WORK = [
  ['restart-node', 'ha', 'the primary'],
  ['restart-node', 'ha', 'a replica'],
  ['restart-node', 'ha', 'a gateway'],
  ['restart-node', 'single', 'the primary'],
  ['reinit-node', 'ha', 'a replica'],
] as const;

test.each(NODE_WORK)('%s, %s: %s is done once, whatever the activity at which the worker dies', async (...of) => {
  const before = primaryOf(subject.world, clusterOf(of[1]));
  const plain = experimentOf(...of);
  const dryRun = await run(laboratory, subject, plain);
  expect([dryRun.result, dryRun.operation.error]).toEqual(['succeeded', null]);
  expect(await complaintsOf(plain, dryRun)).toEqual([]);
  const stays = of[0] === 'reinit-node' || of[1] === 'single' || of[2] !== 'the primary';
  expect(primaryOf(subject.world, clusterOf(of[1])) === before).toBe(stays);

  const crashes = own(dryRun);
  expect(crashes.length).toBeGreaterThanOrEqual(1);
  rowsRun[of.join(' ')] = crashes.length;
  const { wrong } = await judge(laboratory, subject, experimentOf(of[0], of[1], of[2], { crashes }), dryRun);
  expect(wrong).toEqual([]);
});

test('a cluster is stopped and started with the same primary, whatever the activity at which the worker dies', async () => {
  const before = primaryOf(subject.world, clusterOf('ha'));
  const dry = new Map<string, Outcome>();
  for (const kind of ['stop', 'start'] as const) {
    const outcome = await run(laboratory, subject, experimentOf(kind, 'ha'));
    expect([kind, outcome.result, outcome.operation.error]).toEqual([kind, 'succeeded', null]);
    expect([kind, await complaintsOf(experimentOf(kind, 'ha'), outcome)]).toEqual([kind, []]);
    dry.set(kind, outcome);
  }
  for (const [kind, dryRun] of dry) {
    const crashes = own(dryRun);
    rowsRun[kind] = crashes.length;
    const experiment = experimentOf(dryRun.operation.kind, 'ha', undefined, { crashes });
    expect([kind, (await judge(laboratory, subject, experiment, dryRun)).wrong]).toEqual([kind, []]);
  }
  expect(primaryOf(subject.world, clusterOf('ha'))).toBe(before);
});

test('the cancel of a stop has the cluster serve again, and that of a start stops it again', async () => {
  for (const kind of ['stop', 'start'] as const) {
    const dryRun = await run(laboratory, subject, experimentOf(kind, 'single'));
    expect([kind, dryRun.result]).toEqual([kind, 'succeeded']);
    await run(laboratory, subject, experimentOf(kind === 'stop' ? 'start' : 'stop', 'single'));
    const steps =
      kind === 'stop' ? ['close-the-gateways', 'switch-the-hosts-off'] : ['start-postgresql-with-the-same-primary'];
    const points = cancelPoints(dryRun, steps);
    expect(points).toHaveLength(steps.length);
    for (const cancelAt of points) {
      const experiment = experimentOf(kind, 'single', undefined, { cancelAt });
      const outcome = await run(laboratory, subject, experiment);
      expect([cancelAt, outcome.result, await complaintsOf(experiment, outcome)]).toEqual([cancelAt, 'cancelled', []]);
    }
    if (kind === 'stop') await run(laboratory, subject, experimentOf('stop', 'single'));
  }
});

/** A machine that no service was ever started on has no such folder. */
const entriesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

test('on machines that nobody can switch on again services are stopped instead, all of them, until the start', async () => {
  const own = await laboratory.openLane('maintenance-machines');
  await giveMachines(laboratory, own, { count: 2, block: 1 });
  const { cluster } = await run(laboratory, own, { topology: 'single', kind: 'provision', cloud: 'static' });
  const services = (): string[] =>
    machinesOf(own.world).flatMap(({ root, token }) =>
      entriesIn(join(root, UNITS))
        .filter((unit) => isActive(root, unit))
        .map((unit) => `${token} ${unit}`),
    );
  const before = services();
  expect(before.filter((service) => / (etcd|patroni|haproxy|pgbouncer)$/.test(service))).toHaveLength(4);
  const experiment = { topology: 'single', kind: 'stop', cloud: 'static', cluster } as const;
  expect((await run(laboratory, own, experiment)).result).toBe('succeeded');
  expect(services()).toEqual([]);
  const wanted = machinesOf(own.world).flatMap(({ root }) => entriesIn(join(root, WANTS)));
  expect(wanted).toEqual([]);
  const started = { ...experiment, kind: 'start' } as const;
  const outcome = await run(laboratory, own, started);
  expect(outcome.result).toBe('succeeded');
  expect(await complaints(laboratory, own.world, started, outcome, outcome)).toEqual([]);
  expect(services().sort()).toEqual(before.sort());
});
