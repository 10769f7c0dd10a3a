import { hostToken } from '../../activities/cloud/tokens';
import { isFinal } from '../../domain/operations';
import type { Topology } from '../../domain/plans';
import { decideOperation } from '../../workflows/operation';
import { createSimulatedCloud } from '../simulation/cloud';
import type { CrashPoint } from '../simulation/crash';
import { eventually } from '../support/eventually';
import type { Experiment, OrderedCluster, Outcome, Running } from './experiment';
import { begin } from './experiment';
import type { Laboratory, Subject } from './laboratory';
import { openLaboratory, PATIENCE } from './laboratory';
import { judge, run } from './matrix';
import { aboutRecovery, loseData } from './recoveries';
import { cancelPoints, inRuns, rowsOf, tellRows } from './rows';
import type { Identity } from './undeletes';
import { aboutUndelete, identityOf } from './undeletes';

/**
 * The crash matrix of clusters that have lost all their data nodes and come back from their backups, as crash-matrix.test.ts has it for
 * clusters: the worker gets SIGKILL before or after every activity. Without approval nothing happens.
 */

jest.setTimeout(900_000);

const CRASHES_IN_A_RUN = 6;

let laboratory: Laboratory;
let subject: Subject;
const clusters = new Map<Topology, OrderedCluster>();
const identities = new Map<Topology, Identity>();
const rowsRun: Record<string, number> = {};

beforeAll(async () => {
  laboratory = await openLaboratory();
  subject = await laboratory.openLane('recoveries');
  for (const topology of ['single', 'ha'] as const) {
    const { cluster } = await run(laboratory, subject, { topology, kind: 'provision' });
    await run(laboratory, subject, { topology, kind: 'backup', cluster });
    clusters.set(topology, cluster);
    identities.set(topology, await identityOf(laboratory, subject.world, cluster));
  }
});
afterAll(async () => {
  await laboratory?.stop();
  tellRows(rowsRun);
});

const experiment = (topology: Topology, more: Partial<Experiment> = {}): Experiment => {
  const cluster = clusters.get(topology);
  if (!cluster) throw new Error(`no cluster ${topology}`);
  return { topology, kind: 'recover', cluster, ...more };
};
const clusterOf = (topology: Topology): OrderedCluster => experiment(topology).cluster as OrderedCluster;
const wrongWith = async (topology: Topology, outcome: Outcome): Promise<string[]> => {
  const before = identities.get(topology);
  return [
    ...aboutRecovery(subject.world, topology, outcome),
    ...(topology === 'single' && before ? await aboutUndelete(laboratory, subject.world, outcome.cluster, before) : []),
  ];
};
/** It does no deed, and ends when somebody approves. */
const isNoRow = ({ execution, when }: CrashPoint): boolean => execution.endsWith(': waitForReturn') && when === 'after';
/** Until it asks. */
async function ask(topology: Topology): Promise<Running> {
  const running = await begin(laboratory, subject, experiment(topology));
  await eventually(
    async () => (await laboratory.inventory.operations.get(running.input.operationId))?.state === 'waiting',
  );
  return running;
}
/** Its workflow has ended. */
const ended = (running: Running): Promise<true> =>
  eventually(async () => {
    const operation = await laboratory.inventory.operations.get(running.input.operationId);
    return operation !== null && isFinal(operation.state);
  }, PATIENCE);

describe.each<Topology>(['single', 'ha'])('%s', (topology) => {
  let dryRun: Outcome;

  test('comes back from its backups once that is approved', async () => {
    await loseData(subject.world, clusterOf(topology), topology);
    dryRun = await run(laboratory, subject, experiment(topology));
    expect([dryRun.result, dryRun.operation.error]).toEqual(['succeeded', null]);
    expect(await wrongWith(topology, dryRun)).toEqual([]);
  });

  test('comes back, whatever the activity before or after which the worker dies', async () => {
    const executions = dryRun.executions.filter((execution) => !execution.startsWith('record: '));
    const rows = rowsOf(executions).filter((row) => !isNoRow(row));
    expect(rows.length).toBeGreaterThanOrEqual(1);
    rowsRun[topology] = rows.length;
    for (const crashes of inRuns(rows, CRASHES_IN_A_RUN)) {
      await loseData(subject.world, clusterOf(topology), topology);
      const { wrong, outcome } = await judge(laboratory, subject, experiment(topology, { crashes }), dryRun);
      expect([crashes, wrong, await wrongWith(topology, outcome)]).toEqual([crashes, [], []]);
    }
  });
});

test('a cancel while it waits for approval leaves all as it was', async () => {
  await loseData(subject.world, clusterOf('single'), 'single', 'off');
  const running = await ask('single');
  await laboratory.client.workflow.getHandle(running.input.operationId).signal(decideOperation, 'cancel');
  await ended(running);
  const { result, effects, operation } = await running.outcome();
  expect([result, effects, operation.reason]).toEqual(['cancelled', [], null]);
});

test('a host that comes back ends it, and nothing was done', async () => {
  await loseData(subject.world, clusterOf('single'), 'single', 'off');
  const running = await ask('single');
  const token = hostToken(clusterOf('single'), 'pg-1');
  await createSimulatedCloud(subject.world, 'docker').powerOn(token);
  await ended(running);
  const { result, effects, operation } = await running.outcome();
  expect([result, operation.reason]).toEqual(['cancelled', 'pg-1 is back by itself: nothing was changed']);
  expect(effects.filter((effect) => /delete|create/.test(effect))).toEqual([]);
});

test('one that is approved when a host has just come back ends before anything is touched', async () => {
  await loseData(subject.world, clusterOf('single'), 'single', 'off');
  const running = await begin(laboratory, subject, {
    ...experiment('single'),
    crashes: [{ execution: 'see-what-is-lost-and-wait-for-approval: waitForReturn', when: 'before' }],
  });
  const { operationId } = running.input;
  await eventually(() => running.stage.armed.length === 0);
  await laboratory.client.workflow.getHandle(operationId).signal(decideOperation, 'approve');
  await createSimulatedCloud(subject.world, 'docker').powerOn(hostToken(clusterOf('single'), 'pg-1'));
  await ended(running);
  const { operation, effects } = await running.outcome();
  expect(['cancelled', 'failed']).toContain(operation.state);
  expect(operation.error?.code ?? 'DATA_NODES_BACK').toBe('DATA_NODES_BACK');
  expect(effects.filter((effect) => /delete|create/.test(effect))).toEqual([]);
});

test('a cancel of a restore takes the fresh hosts away; the cluster is lost as before, and the next recovery brings it back', async () => {
  await loseData(subject.world, clusterOf('single'), 'single');
  const dryRun = await run(laboratory, subject, experiment('single'));
  await loseData(subject.world, clusterOf('single'), 'single');
  const [cancelAt] = cancelPoints(dryRun, ['restore-the-data-and-replay-the-log']);
  const cancelled = await run(laboratory, subject, experiment('single', cancelAt === undefined ? {} : { cancelAt }));
  expect([cancelled.result, cancelled.operation.error]).toEqual(['cancelled', null]);
  expect(subject.world.host(hostToken(clusterOf('single'), 'pg-1'))).toBeNull();
  const again = await run(laboratory, subject, experiment('single'));
  expect([again.result, await wrongWith('single', again)]).toEqual(['succeeded', []]);
});
