import type { Experiment, Outcome } from './experiment';
import { begin, conduct } from './experiment';
import type { Laboratory, Subject } from './laboratory';
import { openDurableLaboratory } from './laboratory';
import type { DurableTemporal } from './durable-temporal';
import { complaints } from './verdict';

/** The Temporal server is killed in the middle of an operation, which goes on when it is back. */

jest.setTimeout(300_000);

const PROVISION = { kind: 'provision', topology: 'ha' } as const satisfies Experiment;

let laboratory: Laboratory & { readonly temporal: DurableTemporal };
let subject: Subject;
let dryRun: Outcome;
beforeAll(async () => {
  laboratory = await openDurableLaboratory();
  subject = await laboratory.openLane('orphaned');
  dryRun = await conduct(laboratory, subject, PROVISION);
});
afterAll(() => laboratory?.stop());

test.each([
  'create-the-hosts: createHost pg-1',
  'form-the-etcd-cluster: joinEtcd pg-2',
  'open-the-gateways: openGateway gw-1',
])('killed at "%s" and started again: the operation ends right, each effect once', async (execution) => {
  const running = await begin(laboratory, subject, PROVISION);
  await running.stage.reached(execution);
  await laboratory.temporal.kill();
  await laboratory.temporal.start();
  expect(await complaints(laboratory, subject.world, PROVISION, await running.outcome(), dryRun)).toEqual([]);
});

test('killed together with the worker: the operation ends right, each effect once', async () => {
  const running = await begin(laboratory, subject, PROVISION);
  await running.stage.reached('start-postgresql-under-patroni: startPatroni pg-1');
  subject.lane.kill();
  await laboratory.temporal.kill();
  await laboratory.temporal.start();
  expect(await complaints(laboratory, subject.world, PROVISION, await running.outcome(), dryRun)).toEqual([]);
});
