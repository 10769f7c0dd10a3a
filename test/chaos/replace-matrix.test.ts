import { hostToken } from '../../activities/cloud/tokens';
import type { NodeName } from '../../domain/topology';
import { createSimulatedCloud } from '../simulation/cloud';
import type { Experiment, OrderedCluster, Outcome } from './experiment';
import type { Laboratory, Subject } from './laboratory';
import { openLaboratory } from './laboratory';
import { judge, run } from './matrix';
import { lead } from './replacements';
import { cancelPoints, inRuns, rowsOf, tellRows } from './rows';
import { primaryOf } from './switchovers';
import { complaints } from './verdict';

/**
 * The crash matrix of replacements, as crash-matrix.test.ts has it for clusters: the worker gets SIGKILL before or after every
 * activity. Whatever happens, one host goes and one comes, and etcd has three members with a vote.
 */

jest.setTimeout(900_000);

const CRASHES_IN_A_RUN = 4;
const PRIMARY = 'pg-1';

let laboratory: Laboratory;
let subject: Subject;
let cluster: OrderedCluster;
const rowsRun: Record<string, number> = {};

beforeAll(async () => {
  laboratory = await openLaboratory();
  subject = await laboratory.openLane('replacements');
  ({ cluster } = await run(laboratory, subject, { topology: 'ha', kind: 'provision' }));
  await run(laboratory, subject, { topology: 'ha', kind: 'backup', cluster });
});
afterAll(async () => {
  await laboratory?.stop();
  tellRows(rowsRun);
});
beforeEach(() => lead(subject.world, cluster, PRIMARY));

const experiment = (node: NodeName, more: Partial<Experiment> = {}): Experiment => ({
  ...{ topology: 'ha', kind: 'replace-node', cluster, node },
  ...more,
});
const complaintsOf = (outcome: Outcome, wanted: Experiment, dryRun = outcome): Promise<string[]> =>
  complaints(laboratory, subject.world, wanted, outcome, dryRun);
const cloud = (): ReturnType<typeof createSimulatedCloud> => createSimulatedCloud(subject.world, 'docker');

describe.each<[string, NodeName]>([
  ['a replica', 'pg-3'],
  ['the primary, which hands over first,', PRIMARY],
  ['a gateway', 'gw-1'],
])('%s', (_what, node) => {
  let dryRun: Outcome;

  test('gets a fresh host at the address of the old one', async () => {
    dryRun = await run(laboratory, subject, experiment(node));
    expect([dryRun.result, dryRun.operation.error]).toEqual(['succeeded', null]);
    expect(await complaintsOf(dryRun, experiment(node))).toEqual([]);
    expect(dryRun.effects).toEqual(
      expect.arrayContaining([`power off ${node}`, `delete host ${node}`, `create host ${node}`]),
    );
    expect(dryRun.operation.switchover?.from ?? null).toBe(node === PRIMARY ? PRIMARY : null);
  });

  test('gets one, whatever the activity before or after which the worker dies', async () => {
    const rows = rowsOf(dryRun.executions.filter((execution) => !execution.startsWith('record: ')));
    expect(rows.length).toBeGreaterThanOrEqual(1);
    rowsRun[node] = rows.length;
    for (const crashes of inRuns(rows, CRASHES_IN_A_RUN)) {
      lead(subject.world, cluster, PRIMARY);
      const { wrong } = await judge(laboratory, subject, experiment(node, { crashes }), dryRun);
      expect([crashes, wrong]).toEqual([crashes, []]);
    }
  });
});

test.each(['off', 'gone'])('a node whose host is %s gets a fresh one', async (what) => {
  const token = hostToken(cluster, 'pg-2');
  await (what === 'off' ? cloud().powerOff(token) : cloud().deleteHost(token));
  const outcome = await run(laboratory, subject, experiment('pg-2'));
  expect([outcome.result, outcome.operation.error]).toEqual(['succeeded', null]);
  expect(await complaintsOf(outcome, experiment('pg-2'))).toEqual([]);
});

test('a cancel before its host is off leaves all as it was', async () => {
  const dryRun = await run(laboratory, subject, experiment('pg-3'));
  const [cancelAt] = cancelPoints(dryRun, ['check-that-the-others-can-do-without-it']);
  const wanted = experiment('pg-3', { ...(cancelAt !== undefined && { cancelAt }) });
  const outcome = await run(laboratory, subject, wanted);
  expect([outcome.result, outcome.effects, await complaintsOf(outcome, wanted)]).toEqual(['cancelled', [], []]);
});

test('while another data node is away it fails before anything is touched', async () => {
  const [away, node] = [hostToken(cluster, 'pg-2'), 'pg-3'] as const;
  await cloud().powerOff(away);
  const { result, operation, effects } = await run(laboratory, subject, experiment(node));
  expect([result, operation.error?.code, operation.error?.message]).toEqual([
    'failed',
    'NO_QUORUM_LEFT',
    expect.stringContaining('pg-2'),
  ]);
  expect(effects).toEqual([]);
  expect(primaryOf(subject.world, cluster)).toBe(PRIMARY);
  const { result: healed } = await run(laboratory, subject, experiment('pg-2'));
  expect(healed).toBe('succeeded');
});
