import type { Condition } from '../../../domain/clusters';
import { eventually } from '../../support/eventually';
import type { GuardedNode } from '../../support/guarded-fleet';
import { begin, change, endGuards, heard, openGuarded, silence, toldOf } from '../../support/guarded-fleet';

/** When a host is switched off, whose lease is given to others, and what is made of a failover that was left. On real hosts: test/alone/ha/autopilot.ts. */

let guarded: Awaited<ReturnType<typeof openGuarded>>;
beforeAll(async () => {
  guarded = await openGuarded();
});
afterAll(() => guarded.close());
beforeEach(() => begin(guarded));
afterEach(() => endGuards(guarded));

const told = (): Promise<Condition | undefined> => toldOf(guarded, 'PrimaryServes');
const calls = (): string[] => guarded.done.filter((one) => one.includes(' calls '));
const deeds = (): string[] => guarded.done.filter((one) => !one.includes(' calls '));
const unfinished = (): Promise<unknown[]> => guarded.inventory.failovers.listUnfinished();

/** Written down by a worker that is gone, which had the host switched off. */
async function leftFenced(lease: number | null): Promise<void> {
  const { failovers } = guarded.inventory;
  const failover = await failovers.begin(guarded.shop.cluster.id, 'pg-1');
  if (!failover) throw new Error('no failover began');
  await failovers.noteFenced(failover.id, lease);
}

test.each<[string, Partial<Record<string, Partial<GuardedNode>>>]>([
  ['one of two hears it', { 'pg-1': { answers: ['pg-3'] } }],
  ['one of two says nothing', { 'pg-3': { mute: true } }],
  ['both say nothing', { 'pg-2': { mute: true }, 'pg-3': { mute: true } }],
  ['the etcd of one of two has no vote', { 'pg-3': { votes: false } }],
])('a primary that is silent to the control plane is left alone when %s', async (_what, nodes) => {
  guarded.guard();
  await heard(guarded);
  silence(guarded, 'pg-1');
  for (const [name, node] of Object.entries(nodes)) change(guarded, name, node ?? {});
  await eventually(() => calls().length >= 6);
  expect(deeds()).toEqual([]);
  expect(await unfinished()).toEqual([]);
  // The same guard acts once nothing of it is so.
  change(guarded, 'pg-1', { answers: false });
  for (const name of ['pg-2', 'pg-3']) change(guarded, name, { mute: false, votes: true });
  await eventually(() => deeds().includes('off pg-1'));
});

test.each([
  ['a guard that suspects it', false],
  ['a worker that takes it up', true],
])('that it was silent two seconds ago is no reason to act: %s asks again', async (_who, isLeft) => {
  guarded.guard();
  await heard(guarded);
  // By then it may be back.
  change(guarded, 'pg-3', { takesMs: 2_100 });
  silence(guarded, 'pg-1');
  if (isLeft) await guarded.inventory.failovers.begin(guarded.shop.cluster.id, 'pg-1');
  await eventually(() => calls().length >= 6);
  expect(deeds()).toEqual([]);
  expect(await unfinished()).toHaveLength(isLeft ? 1 : 0);
  change(guarded, 'pg-3', { takesMs: 0 });
  await eventually(() => deeds().includes('off pg-1'));
});

test('one that is lost together with the worker is found by who the primary was, as it was written down', async () => {
  const first = guarded.guard();
  await heard(guarded);
  await eventually(async () => (await guarded.inventory.heartbeats.of(guarded.shop.cluster.id)).has('pg-1'));
  await first.stop();
  silence(guarded, 'pg-1');
  guarded.guard();
  await eventually(async () => (await told())?.reason === 'FailedOver');
  expect(deeds()).toEqual(['off pg-1', 'released', 'on pg-1']);
});

test('while nobody confirms that the host is off, the lease stays and it is not switched on', async () => {
  let tries = 0;
  guarded.powerOff = () => {
    tries += 1;
    return Promise.reject(new Error('the cloud is away'));
  };
  guarded.guard();
  await heard(guarded);
  silence(guarded, 'pg-1');
  await eventually(() => tries >= 2);
  expect(deeds()).toEqual([]);
  expect(await unfinished()).toMatchObject([{ node: 'pg-1', fencedAt: null, lease: null }]);
});

test.each([
  ['runs', 'was left alone', []],
  ['off', 'is switched on again', ['on pg-1']],
  ['gone', 'is gone', []],
] as const)(
  'where the cloud confirms nothing, the failover ends with the primary that the lease brings; the host %s, it %s',
  async (host, became, done) => {
    await begin(guarded, ['gw-1']);
    let tries = 0;
    guarded.powerOff = () => {
      tries += 1;
      return Promise.reject(new Error('the cloud is away'));
    };
    guarded.guard();
    await heard(guarded);
    silence(guarded, 'pg-1');
    await eventually(() => tries >= 2);
    // Another worker was at it.
    guarded.takenForOff.add('pg-1 by pg-2');
    change(guarded, 'pg-1', { host });
    change(guarded, 'pg-2', { says: 'primary' });
    await eventually(async () => (await told())?.reason === 'FailedOver');
    expect(await told()).toMatchObject({
      status: true,
      message: `pg-2 took over from pg-1. The host of pg-1 ${became}.`,
    });
    expect(deeds()).toEqual(['gw-1 leads to another primary', ...done]);
    expect(guarded.takenForOff.size).toBe(0);
    expect(await unfinished()).toEqual([]);
  },
);

test('a cloud that never answers is asked again', async () => {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  jest.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => timeout(ms === 60_000 ? 100 : ms));
  guarded.powerOff = () => {
    guarded.powerOff = () => Promise.resolve(void guarded.done.push('off at last'));
    return new Promise(() => undefined);
  };
  guarded.guard();
  await heard(guarded);
  silence(guarded, 'pg-1');
  await eventually(() => deeds().includes('off at last'));
  jest.restoreAllMocks();
});

test.each([
  ['once', 'is switched on again'],
  ['for a minute', 'could not be switched on again'],
])('a host that cannot be switched on %s is tried again, and not for ever: it %s', async (howLong, became) => {
  let tries = 0;
  guarded.powerOn = () => {
    tries += 1;
    return howLong === 'once' && tries > 1 ? Promise.resolve() : Promise.reject(new Error('the engine refuses'));
  };
  guarded.guard();
  await heard(guarded);
  silence(guarded, 'pg-1');
  await eventually(() => tries >= 2);
  if (howLong !== 'once') {
    expect(await unfinished()).toHaveLength(1);
    guarded.waitedMs = 60_000;
  }
  await eventually(async () => (await told())?.reason === 'FailedOver');
  expect((await told())?.message).toBe(`pg-2 took over from pg-1. The host of pg-1 ${became}.`);
  expect(deeds()).toEqual(['off pg-1', 'released']);
  expect(await unfinished()).toEqual([]);
});

/** Written down by a worker that died before it wrote down that the host was off; nobody can tell how it is. */
async function leftUnfenced(host: GuardedNode['host']): Promise<void> {
  await guarded.inventory.failovers.begin(guarded.shop.cluster.id, 'pg-1');
  silence(guarded, 'pg-1');
  change(guarded, 'pg-1', { host });
  for (const name of ['pg-2', 'pg-3']) change(guarded, name, { mute: true });
  guarded.guard();
}

test.each([
  ['it', 'pg-1', 'AnswersAgain', 'pg-1 was switched off, and is the primary again.'],
  ['another one', 'pg-2', 'FailedOver', 'pg-2 took over from pg-1. The host of pg-1 is switched on again.'],
])('one that is off and of whom nobody knows anything is switched on; %s is the primary', async (_who, ...ended) => {
  const [primary, reason, message] = ended;
  await begin(guarded, ['gw-1']);
  guarded.takenForOff.add('pg-1 by pg-2');
  guarded.powerOn = () => {
    expect(guarded.takenForOff.size).toBe(0);
    guarded.done.push('on pg-1');
    change(guarded, 'pg-1', { host: 'runs', says: 'replica', answers: true });
    change(guarded, primary, { says: 'primary' });
    return Promise.resolve();
  };
  await leftUnfenced('off');
  await eventually(async () => (await told())?.reason === reason);
  expect(await told()).toMatchObject({ status: true, message });
  expect(deeds()).toEqual(['on pg-1', ...(primary === 'pg-1' ? [] : ['gw-1 leads to another primary'])]);
  expect(await unfinished()).toEqual([]);
});

test('one that runs and of whom nobody knows anything is left alone until somebody does', async () => {
  await leftUnfenced('runs');
  await eventually(() => calls().length >= 4);
  expect(deeds()).toEqual([]);
  expect(await unfinished()).toHaveLength(1);
  for (const name of ['pg-2', 'pg-3']) change(guarded, name, { mute: false });
  await eventually(() => deeds().includes('on pg-1'));
  expect(deeds()).toEqual(['off pg-1', 'released', 'on pg-1']);
});

test('one that was fenced and runs again is not fenced again, and keeps its lease', async () => {
  await leftFenced(7);
  guarded.guard();
  await eventually(async () => (await told())?.reason === 'AnswersAgain');
  expect(deeds()).toEqual(['on pg-1']);
  expect((await told())?.message).toBe('pg-1 was switched off, and is the primary again.');
  expect(guarded.takenForOff.size).toBe(0);
});

test('one that was fenced and is off yet is carried on: its lease is released, and it is switched on', async () => {
  await leftFenced(7);
  silence(guarded, 'pg-1');
  change(guarded, 'pg-1', { host: 'off' });
  guarded.guard();
  await eventually(async () => (await told())?.reason === 'FailedOver');
  expect(deeds()).toEqual(['released', 'on pg-1']);
});

test.each([
  ['a lease that it took after it was fenced', 6],
  ['a lease that was not known when it was fenced', null],
])('%s is not released', async (_what, lease) => {
  await leftFenced(lease);
  silence(guarded, 'pg-1');
  change(guarded, 'pg-1', { host: 'off' });
  guarded.guard();
  await eventually(() => guarded.takenForOff.size === 2);
  // Patroni decides.
  change(guarded, 'pg-2', { says: 'primary' });
  await eventually(async () => (await told())?.reason === 'FailedOver');
  expect(deeds()).toEqual(['on pg-1']);
});

test('a worker that took one up does not switch the host off that another one has switched on again meanwhile', async () => {
  const { failovers } = guarded.inventory;
  const failover = await failovers.begin(guarded.shop.cluster.id, 'pg-1');
  if (!failover) throw new Error('no failover began');
  await failovers.end(failover.id, { primary: 'pg-2', host: 'on' });
  change(guarded, 'pg-1', { says: 'replica', answers: false });
  change(guarded, 'pg-2', { says: 'primary' });
  // As it was when it was taken up.
  const listed = jest.spyOn(failovers, 'listUnfinished').mockResolvedValueOnce([failover]);
  guarded.guard();
  await eventually(() => calls().length === 2 && listed.mock.calls.length > 3);
  listed.mockRestore();
  expect(deeds()).toEqual([]);
});

test('where nobody took over, that is told until a primary is heard', async () => {
  const { failovers } = guarded.inventory;
  for (const name of ['pg-1', 'pg-2', 'pg-3']) change(guarded, name, { says: 'replica' });
  const failover = await failovers.begin(guarded.shop.cluster.id, 'pg-1');
  if (!failover) throw new Error('no failover began');
  // While one is under way nobody is told of instead.
  await failovers.notePrimary(guarded.shop.cluster.id, 'pg-3');
  expect(await told()).toMatchObject({ status: false, reason: 'FailingOver' });
  await failovers.end(failover.id, { primary: null, host: 'off' });
  expect(await told()).toMatchObject({
    ...{ status: false, reason: 'NobodyTookOver' },
    message: 'No data node took over from pg-1. The host of pg-1 could not be switched on again.',
  });
  guarded.guard();
  await heard(guarded);
  const listed = jest.spyOn(failovers, 'listWithoutPrimary');
  await eventually(() => listed.mock.calls.length > 2);
  listed.mockRestore();
  expect(await told()).toMatchObject({ status: false, reason: 'NobodyTookOver' });
  change(guarded, 'pg-3', { says: 'primary' });
  await eventually(async () => (await told())?.status);
  expect(await told()).toMatchObject({
    reason: 'PrimaryFound',
    message: 'pg-3 is the primary, after a while without one.',
  });
  expect(await failovers.listWithoutPrimary()).toEqual([]);
});
