import { stateOf } from '../../../domain/heartbeats';
import type { OperationKind } from '../../../domain/operations';
import type { Condition } from '../../../domain/clusters';
import { eventually } from '../../support/eventually';
import { begin, change, endGuards, heard, openGuarded, silence, toldOf } from '../../support/guarded-fleet';
import { newSubmission } from '../../support/inventory';

/** What the guard makes of the silence of a primary. On real hosts: test/alone/ha/autopilot.ts. */

let guarded: Awaited<ReturnType<typeof openGuarded>>;
beforeAll(async () => {
  guarded = await openGuarded();
});
afterAll(() => guarded.close());
beforeEach(() => begin(guarded));
afterEach(() => endGuards(guarded));

const told = (): Promise<Condition | undefined> => toldOf(guarded, 'PrimaryServes');
const audited = async (): Promise<string[]> =>
  (
    await guarded.opened.scratch.query<{ action: string }>(
      `select action from audit_log where subject = $1 and action like 'failover%' order by seq`,
      [guarded.shop.cluster.id],
    )
  ).map(({ action }) => action);
const calls = (): string[] => guarded.done.filter((one) => one.includes(' calls '));
const deeds = (): string[] => guarded.done.filter((one) => !one.includes(' calls '));

test('a primary that is silent to all is switched off before its lease is released, and on when another one took over', async () => {
  guarded.guard();
  await heard(guarded);
  silence(guarded, 'pg-1');
  await eventually(async () => (await told())?.reason === 'FailedOver');
  expect(deeds()).toEqual(['off pg-1', 'released', 'on pg-1']);
  expect(new Set(calls())).toEqual(new Set(['pg-2 calls pg-1', 'pg-3 calls pg-1']));
  expect(await told()).toMatchObject({ status: true });
  expect((await told())?.message).toBe('pg-2 took over from pg-1. The host of pg-1 is switched on again.');
  expect(await audited()).toEqual(['failover began', 'failover ended']);
  expect(await guarded.inventory.failovers.listUnfinished()).toEqual([]);
});

test('while another one is chosen nobody waits for answers of the host that is off, and afterwards nothing is left of that', async () => {
  let whenReleased: string[] = [];
  guarded.promote = () => {
    whenReleased = [...guarded.takenForOff].sort();
    change(guarded, 'pg-2', { says: 'primary' });
  };
  guarded.powerOff = () => {
    expect(guarded.takenForOff.size).toBe(0);
    return Promise.resolve();
  };
  guarded.guard();
  await heard(guarded);
  silence(guarded, 'pg-1');
  await eventually(async () => (await told())?.reason === 'FailedOver');
  expect(whenReleased).toEqual(['pg-1 by pg-2', 'pg-1 by pg-3']);
  expect(guarded.takenForOff.size).toBe(0);
});

test('gateways end the sessions of a primary that is off before another one is there, and are told of that before its host is on', async () => {
  await begin(guarded, ['gw-1', 'gw-2']);
  guarded.guard();
  await heard(guarded);
  silence(guarded, 'pg-1');
  await eventually(async () => (await told())?.reason === 'FailedOver');
  const [away, led] = ['away from it', 'to another primary'].map((where) =>
    ['gw-1', 'gw-2'].map((name) => `${name} leads ${where}`),
  );
  expect(deeds()).toEqual(['off pg-1', ...(away ?? []), 'released', ...(led ?? []), 'on pg-1']);
});

test('one that another node still hears is left alone, and asked for again', async () => {
  guarded.guard();
  await heard(guarded);
  change(guarded, 'pg-1', { says: null });
  await eventually(() => calls().length >= 6);
  expect(deeds()).toEqual([]);
  expect(await told()).toBeUndefined();
  // The same guard does act once they agree.
  change(guarded, 'pg-1', { answers: false });
  await eventually(() => deeds().includes('off pg-1'));
});

test('where no cloud confirms that a host is off, nobody is even asked', async () => {
  guarded.fences = false;
  guarded.guard();
  await heard(guarded);
  silence(guarded, 'pg-1');
  const listed = jest.spyOn(guarded.inventory.heartbeats, 'listHeard');
  await eventually(() => listed.mock.calls.length > 2);
  expect(guarded.done).toEqual([]);
});

test('what data nodes say of themselves is written down, and what is not heard any more gets old', async () => {
  guarded.guard();
  const states = async (): Promise<Record<string, string>> => {
    const all = await guarded.inventory.heartbeats.of(guarded.shop.cluster.id);
    const said = [...all].map(([name, { role, silentMs }]) => [name, stateOf(role, silentMs)] as const);
    return Object.fromEntries(said.sort());
  };
  const become = (wanted: Record<string, string>): Promise<unknown> =>
    eventually(async () => JSON.stringify(await states()) === JSON.stringify(wanted));
  await become({ 'pg-1': 'primary', 'pg-2': 'replica', 'pg-3': 'replica' });
  change(guarded, 'pg-3', { says: 'down' });
  await become({ 'pg-1': 'primary', 'pg-2': 'replica', 'pg-3': 'down' });
  silence(guarded, 'pg-3');
  await become({ 'pg-1': 'primary', 'pg-2': 'replica', 'pg-3': 'silent' });
  change(guarded, 'pg-3', { says: 'replica', answers: true });
  await become({ 'pg-1': 'primary', 'pg-2': 'replica', 'pg-3': 'replica' });
});

test.each<[OperationKind, boolean]>([
  ['restore-in-place', false],
  ['stop', false],
  ['backup', true],
  ['configure-backups', true],
])('while an operation of kind %s runs, it fails over: %s', async (kind, does) => {
  const swap = { timelineId: guarded.shop.timeline.id, target: { kind: 'latest' } as const, site: null, undoes: null };
  if (kind === 'backup') await guarded.shop.backup();
  else {
    const submission = newSubmission(guarded.shop.cluster, kind);
    await guarded.inventory.operations.submit(null, kind === 'restore-in-place' ? { ...submission, swap } : submission);
  }
  guarded.guard();
  await heard(guarded);
  silence(guarded, 'pg-1');
  await eventually(() => (does ? deeds().includes('on pg-1') : calls().length >= 6));
  expect(deeds()).toEqual(does ? ['off pg-1', 'released', 'on pg-1'] : []);
});

test('in maintenance a dead primary is left alone; when that is over by the clock of the inventory it is replaced', async () => {
  const { clusters } = guarded.inventory;
  await clusters.beginMaintenance(guarded.shop.cluster.id, 60, 'somebody');
  guarded.guard();
  await heard(guarded);
  silence(guarded, 'pg-1');
  await eventually(() => calls().length >= 6);
  expect(deeds()).toEqual([]);
  expect(await guarded.inventory.failovers.listUnfinished()).toEqual([]);
  await guarded.opened.scratch.query(`update clusters set maintenance_until = now() where id = $1`, [
    guarded.shop.cluster.id,
  ]);
  await eventually(async () => (await told())?.reason === 'FailedOver');
  expect(deeds()).toEqual(['off pg-1', 'released', 'on pg-1']);
});

test('one that another worker was about to fence is not fenced in maintenance either', async () => {
  await guarded.inventory.failovers.begin(guarded.shop.cluster.id, 'pg-1');
  await guarded.inventory.clusters.beginMaintenance(guarded.shop.cluster.id, 60, 'somebody');
  silence(guarded, 'pg-1');
  guarded.guard();
  const listed = jest.spyOn(guarded.inventory.failovers, 'listUnfinished');
  await eventually(() => listed.mock.calls.length > 2);
  expect(guarded.done).toEqual([]);
  await guarded.inventory.clusters.endMaintenance(guarded.shop.cluster.id);
  await eventually(() => deeds().includes('on pg-1'));
});

test('what a worker left is carried on by the next one, from where it was left', async () => {
  const first = guarded.guard();
  await heard(guarded);
  guarded.powerOff = () => new Promise(() => undefined);
  silence(guarded, 'pg-1');
  await eventually(async () => (await guarded.inventory.failovers.listUnfinished()).length === 1);
  // Its power-off never ends, and nobody waits for it.
  await first.stop();
  guarded.powerOff = (token) => Promise.resolve(void guarded.done.push(`off ${token.split('/')[1] ?? ''}`));
  guarded.guard();
  await eventually(async () => (await told())?.reason === 'FailedOver');
  expect(deeds()).toEqual(['off pg-1', 'released', 'on pg-1']);
});

test('one that answers again by the time that the next worker takes it up serves on, and can be replaced later', async () => {
  await guarded.inventory.failovers.begin(guarded.shop.cluster.id, 'pg-1');
  guarded.guard();
  await eventually(async () => (await told())?.reason === 'AnswersAgain');
  expect(deeds()).toEqual([]);
  expect(await told()).toMatchObject({ status: true });
  await heard(guarded);
  silence(guarded, 'pg-1');
  await eventually(() => deeds().includes('off pg-1'));
});

test('two workers at a time do it once', async () => {
  guarded.guard();
  guarded.guard();
  await heard(guarded);
  silence(guarded, 'pg-1');
  await eventually(async () => (await told())?.reason === 'FailedOver');
  const rows = await guarded.opened.scratch.query('select 1 from failovers where cluster_id = $1', [
    guarded.shop.cluster.id,
  ]);
  expect(rows).toHaveLength(1);
});

test('a worker that has not heard yet that another node took over does not begin it again', async () => {
  const { failovers } = guarded.inventory;
  const { id } = guarded.shop.cluster;
  const failover = await failovers.begin(id, 'pg-1');
  await failovers.end(failover?.id ?? '', { primary: 'pg-2', host: 'on' });
  expect(await failovers.begin(id, 'pg-1')).toBeNull();
  expect(await failovers.begin(id, 'pg-2')).toMatchObject({ node: 'pg-2' });
});

test('a cluster that is being deleted is left to its deletion', async () => {
  const failover = await guarded.inventory.failovers.begin(guarded.shop.cluster.id, 'pg-1');
  expect(failover?.fencedAt).toBeNull();
  await guarded.opened.scratch.query(`update clusters set state = 'deleting' where id = $1`, [guarded.shop.cluster.id]);
  guarded.guard();
  await eventually(async () => (await guarded.inventory.failovers.listUnfinished()).length === 0);
  expect(guarded.done).toEqual([]);
  expect(await guarded.inventory.failovers.begin(guarded.shop.cluster.id, 'pg-1')).toBeNull();
});

test('one whose host is gone for good is replaced by another, and nobody waits for its host', async () => {
  guarded.guard();
  await heard(guarded);
  change(guarded, 'pg-1', { host: 'gone' });
  silence(guarded, 'pg-1');
  await eventually(async () => (await told())?.reason === 'FailedOver');
  expect(deeds()).toEqual(['off pg-1', 'released']);
  expect((await told())?.message).toBe('pg-2 took over from pg-1. The host of pg-1 is gone.');
});
