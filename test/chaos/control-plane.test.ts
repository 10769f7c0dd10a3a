import { setTimeout as sleep } from 'node:timers/promises';
import type { TcpProxy } from '../support/tcp-proxy';
import { startTcpProxy } from '../support/tcp-proxy';
import type { Experiment, Outcome } from './experiment';
import { begin, conduct } from './experiment';
import type { Laboratory, Subject } from './laboratory';
import { openLaboratory } from './laboratory';
import { complaints } from './verdict';

/** What operations make of a control plane whose parts can't reach one another, and of two workers at once. */

jest.setTimeout(300_000);

const PROVISION = { kind: 'provision', topology: 'ha' } as const satisfies Experiment;
/** Fifteen times as long as a worker may be silent here (short-deadlines.ts): its activities are given to another. */
const AWAY_MS = 60_000;
/** Twice as long: what was asked and not answered is asked again. */
const UNHEARD_MS = 10_000;

let laboratory: Laboratory;
let subject: Subject;
let dryRun: Outcome;
const proxies: TcpProxy[] = [];
let temporal: TcpProxy;
let inventory: TcpProxy;

beforeAll(async () => {
  laboratory = await openLaboratory();
  const url = new URL(laboratory.scratch.url);
  temporal = await startTcpProxy(laboratory.temporalAddress);
  inventory = await startTcpProxy(url.host);
  proxies.push(temporal, inventory);
  url.host = inventory.address;
  const settings = { temporalAddress: temporal.address, databaseUrl: url.href };
  subject = await laboratory.openLane('cut-off', {}, settings);
  dryRun = await conduct(laboratory, subject, PROVISION);
});
afterAll(async () => {
  await laboratory?.stop();
  for (const proxy of proxies) await proxy.close();
});

/** In the middle of which step, which part is away and how: wholly, or hearing but not heard. */
const CASES = [
  ['temporal', 'block', 'create-the-hosts: createHost pg-1'],
  ['inventory', 'block', 'start-postgresql-under-patroni: startPatroni pg-2'],
  ['temporal', 'blockAnswers', 'start-postgresql-under-patroni: startPatroni pg-2'],
  ['inventory', 'blockAnswers', 'create-the-hosts: createHost pg-1'],
] as const;

test.each(CASES)(
  '%s is away (%s) at "%s": the operation ends right, each effect once',
  async (part, how, execution) => {
    const proxy = { temporal, inventory }[part];
    const running = await begin(laboratory, subject, PROVISION);
    await running.stage.reached(execution);
    proxy[how]();
    await sleep(how === 'block' ? AWAY_MS : UNHEARD_MS);
    // Longer than a provision takes: it stood still.
    const { status } = await laboratory.client.workflow.getHandle(running.input.operationId).describe();
    expect(status.name).toBe('RUNNING');
    proxy.unblock();
    expect(await complaints(laboratory, subject.world, PROVISION, await running.outcome(), dryRun)).toEqual([]);
  },
);

test('two workers share the work of many operations; each effect happens once', async () => {
  const second = await laboratory.openLane('second', {}, subject.lane.settings);
  const single = { kind: 'provision', topology: 'single' } as const;
  const alone = await conduct(laboratory, subject, single);
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => conduct(laboratory, subject, single)));
  const wrong = await Promise.all(
    outcomes.map((outcome) => complaints(laboratory, subject.world, single, outcome, alone)),
  );
  expect(wrong.flat()).toEqual([]);
  for (const { lane } of [subject, second]) expect(lane.log()).toContain('"activity":"createHost"');
});
