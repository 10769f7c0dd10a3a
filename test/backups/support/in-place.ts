import type Docker from 'dockerode';
import { Client } from 'pg';
import type { ClientConfig } from 'pg';
import { keptDataSchema } from '../../../domain/schemas/swaps';
import type { KeptDataAnswer } from '../../../domain/schemas/swaps';
import type { OperationAnswer } from '../../../domain/schemas/operations';
import { problemSchema } from '../../../domain/schemas/problems';
import { hostOf, reachableNode, viewCluster } from '../../../activities/fleet';
import { sh } from '../../../activities/host/shell';
import { findPrimary } from '../../../activities/postgres/psql';
import { isId } from '../../../domain/ids';
import { HOUSEKEEPING_SCHEDULE } from '../../../domain/names';
import { eventually } from '../../support/eventually';
import type { Holdfast } from '../../support/holdfast';
import { login, query } from '../../system/support/endpoint';
import { powerOn } from '../../system/support/power';
import { lastProofOf } from './records';
import { damageBackups } from './damage';
import { viewOf } from './dump-user';
import { isWhole } from './lagging';
import { ask, firstBackup, POLL, remove, restoreTo } from './user';

/** A restore in place as a user sees it, and what is looked at behind the API. */

/** Writes one row of a table of its own, and gives the time after which it was there by the clock of the database. */
export async function writeRow(holdfast: Holdfast, cluster: string, row: string): Promise<string> {
  const config = login(await holdfast.credentials(cluster), 'primaryPort');
  await query(config, 'create table if not exists public.diary (entry text primary key)');
  await query(config, 'create table if not exists public.pulse (number bigint primary key)');
  await query(config, `insert into public.diary values ('${row}')`);
  const [{ now } = { now: new Date() }] = await query<{ now: Date }>(config, 'select clock_timestamp() as now');
  return new Date(now.getTime() + 1).toISOString();
}

export async function rowsOf(holdfast: Holdfast, cluster: string): Promise<string[]> {
  const config = login(await holdfast.credentials(cluster), 'primaryPort');
  const rows = await query<{ entry: string }>(config, 'select entry from public.diary order by entry');
  return rows.map(({ entry }) => entry);
}

/** A commit that was acknowledged. */
export interface Beat {
  readonly number: number;
  readonly at: number;
}

/** Commits a number of its own again and again, over any failure; the table has to be there. */
function startPulse(config: ClientConfig): { readonly beats: readonly Beat[]; stop(): Promise<void> } {
  const beats: Beat[] = [];
  let stopped = false;
  const work = async (): Promise<void> => {
    for (let number = Date.now() * 1_000; !stopped;) {
      const client = new Client({ ...config, connectionTimeoutMillis: 3_000, query_timeout: 3_000 });
      client.on('error', () => undefined);
      try {
        await client.connect();
        while (!stopped) {
          number++;
          await client.query('insert into public.pulse values ($1)', [number]);
          beats.push({ number, at: Date.now() });
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      void client.end().catch(() => undefined);
    }
  };
  const working = work();
  return { beats, stop: () => ((stopped = true), working) };
}

/**
 * Exchanges the data under a load of commits, and tells for how long none was acknowledged.
 *
 * @returns what was acknowledged before and after, and the numbers that are there in the end.
 */
export async function exchangeUnderLoad(
  holdfast: Holdfast,
  cluster: string,
  path: 'in-place' | 'rollback',
  body: object,
): Promise<{ readonly before: readonly Beat[]; readonly after: readonly Beat[]; readonly rows: ReadonlySet<number> }> {
  const config = login(await holdfast.credentials(cluster), 'primaryPort');
  const pulse = startPulse(config);
  const { id } = await ask(holdfast, 'POST', `/v1/clusters/${cluster}/restores/${path}`, { ...body, confirm: cluster });
  const { steps, restored } = await holdfast.succeed(id).finally(() => pulse.stop());
  // What a rollback puts back was made from nothing.
  const wanted = path === 'in-place' ? { operationId: id, site: 'primary', setId: restored?.from?.setId } : null;
  expect((await holdfast.cluster(cluster)).restoredFrom).toEqual(wanted);
  const gaps = pulse.beats.map(({ at }, i) => ({ i, ms: at - (pulse.beats[i - 1]?.at ?? at) }));
  const longest = gaps.reduce((one, other) => (other.ms > one.ms ? other : one), { i: 0, ms: 0 });
  const took = steps.map(
    ({ title, startedAt, finishedAt }) => `${title}: ${Date.parse(finishedAt ?? '') - Date.parse(startedAt ?? '')} ms`,
  );
  console.log(`${path} of ${cluster}: nobody could write for ${longest.ms} ms\n${took.join('\n')}`);
  const rows = await query<{ number: string }>(config, 'select number from public.pulse');
  return {
    before: pulse.beats.slice(0, longest.i),
    after: pulse.beats.slice(longest.i),
    rows: new Set(rows.map(({ number }) => Number(number))),
  };
}

export async function keptOf(holdfast: Holdfast, cluster: string): Promise<KeptDataAnswer | string> {
  const { status, body } = await holdfast.api('GET', `/v1/clusters/${cluster}/restores/kept`);
  return status === 200 ? keptDataSchema.parse(body) : problemSchema.parse(body).code;
}

/**
 * Fills the volume of a cluster with one data node, but for so many bytes, while `act` runs. What fills it takes no room on the
 * machine itself.
 */
export async function withoutRoom<T>(
  holdfast: Holdfast,
  cluster: string,
  bytes: number,
  act: () => Promise<T>,
): Promise<T> {
  const { id } = await holdfast.cluster(cluster);
  if (!isId('clu', id)) throw new Error(id);
  const view = await viewCluster(holdfast.fleet, id);
  const host = hostOf(holdfast.fleet, view, reachableNode(view, 'pg-1'));
  const fill = `free=$(df -B1 --output=avail /var/lib/postgresql | tail -n 1)
    fallocate -l "$((free - $1))" /var/lib/postgresql/filler`;
  await host.run(sh`sh -euc ${fill} sh ${Math.round(bytes)}`);
  return act().finally(() => host.run(sh`rm -f /var/lib/postgresql/filler`));
}

/** What lies beside the data of each data node. */
export async function besideData(holdfast: Holdfast, cluster: string): Promise<string[]> {
  const { id, nodes } = await holdfast.cluster(cluster);
  if (!isId('clu', id)) throw new Error(id);
  const view = await viewCluster(holdfast.fleet, id);
  const found = await Promise.all(
    nodes
      .filter(({ role }) => role === 'data')
      .map(async ({ name }) => {
        const node = reachableNode(view, name === 'pg-1' ? 'pg-1' : name === 'pg-2' ? 'pg-2' : 'pg-3');
        const listed = await hostOf(holdfast.fleet, view, node).run(
          sh`sh -c 'ls -d /var/lib/postgresql/*-op_* /etc/pgbackrest/aside.conf 2>/dev/null || :'`,
        );
        return listed
          .split('\n')
          .filter((line) => line !== '')
          .map(
            (line) =>
              `${name} ${
                line
                  .split('/')
                  .at(-1)
                  ?.replace(/-op_.*/, '') ?? ''
              }`,
          );
      }),
  );
  return found.flat();
}

/** What was acknowledged after the exchange is there, and nothing of what came before it. */
export const wrongWith = ({ before, after, rows }: Awaited<ReturnType<typeof exchangeUnderLoad>>): object => ({
  lost: after.filter(({ number }) => !rows.has(number)),
  left: before.filter(({ number }) => rows.has(number)),
  judged: before.length > 0 && after.length > 0,
});
export const RIGHT = { lost: [], left: [], judged: true } as const;

/** On the cluster `shop`, of one data node. @param holdfast only known once it runs. */
export function describeInPlace(holdfast: () => Holdfast): void {
  test('a cluster is restored in place, rolled back, and what it has left behind can be restored', async () => {
    await firstBackup(holdfast(), 'shop');
    const begunAt = Date.now();
    const time = await writeRow(holdfast(), 'shop', 'before');
    const left = await writeRow(holdfast(), 'shop', 'meanwhile');
    await writeRow(holdfast(), 'shop', 'meanwhile, later');
    const restored = await exchangeUnderLoad(holdfast(), 'shop', 'in-place', { target: { time } });
    expect(wrongWith(restored)).toEqual(RIGHT);
    expect(await rowsOf(holdfast(), 'shop')).toEqual(['before']);
    expect(Date.parse((await lastProofOf(holdfast(), 'shop'))?.lastVerifiedAt ?? '')).toBeGreaterThan(begunAt);
    const owner = login(await holdfast().credentials('shop'), 'primaryPort');
    const isSuper = 'select rolsuper from pg_catalog.pg_roles where rolname = current_user';
    expect(await query(owner, isSuper)).toEqual([{ rolsuper: false }]);
    const kept = await keptOf(holdfast(), 'shop');
    expect(kept).toMatchObject({ node: 'pg-1' });
    await writeRow(holdfast(), 'shop', 'after');
    // What was kept is not copied: there is room for what comes beside it, and for half of it.
    const room = typeof kept === 'string' ? 0 : 256 * 1024 ** 2 + (kept.bytes ?? 0) / 2;
    const back = await withoutRoom(holdfast(), 'shop', room, () =>
      exchangeUnderLoad(holdfast(), 'shop', 'rollback', {}),
    );
    expect(wrongWith(back)).toEqual(RIGHT);
    expect(restored.before.filter(({ number }) => !back.rows.has(number))).toEqual([]);
    expect(await rowsOf(holdfast(), 'shop')).toEqual(['before', 'meanwhile', 'meanwhile, later']);
    expect(await besideData(holdfast(), 'shop')).toEqual(['pg-1 kept']);
    const { id } = await ask(holdfast(), 'POST', '/v1/clusters/shop/restores/confirm', {});
    await holdfast().succeed(id);
    expect(await besideData(holdfast(), 'shop')).toEqual([]);
    await restoreTo(holdfast(), 'shop', { name: 'left-behind', target: { time: left } });
    expect(await rowsOf(holdfast(), 'left-behind')).toEqual(['before', 'meanwhile']);
    await remove(holdfast(), 'left-behind');
    // Its log gets a number above those of both swaps, which only the archive knows.
    const again = await exchangeUnderLoad(holdfast(), 'shop', 'in-place', { target: { time } });
    expect(wrongWith(again)).toEqual(RIGHT);
    expect(await rowsOf(holdfast(), 'shop')).toEqual(['before']);
  });

  test('what the first site has is damaged: of a log that branches, too, the next one is read, beside the old data', async () => {
    const { id: confirmed } = await ask(holdfast(), 'POST', '/v1/clusters/shop/restores/confirm', {});
    await holdfast().succeed(confirmed);
    const before = await rowsOf(holdfast(), 'shop');
    const time = await writeRow(holdfast(), 'shop', 'not damaged');
    await writeRow(holdfast(), 'shop', 'too much');
    const first = holdfast().stores?.dataFolder('primary');
    if (first === undefined) throw new Error('no store');
    const { files, mend } = damageBackups(first);
    expect(files).toBeGreaterThan(0);
    try {
      const request = { target: { time }, confirm: 'shop' };
      const { id } = await ask(holdfast(), 'POST', '/v1/clusters/shop/restores/in-place', request);
      const { restored } = await holdfast().succeed(id);
      expect(restored?.from).toMatchObject({ site: 'secondary', insteadOf: 'primary' });
    } finally {
      mend();
    }
    expect(await rowsOf(holdfast(), 'shop')).toEqual([...before, 'not damaged']);
  });
}

/** On the cluster `orders`, of three data nodes. @param holdfast only known once it runs. */
export function describeInPlaceWithReplicas(holdfast: () => Holdfast): void {
  test('a cluster with replicas is restored in place, and all of them follow', async () => {
    await firstBackup(holdfast(), 'orders');
    const time = await writeRow(holdfast(), 'orders', 'before');
    await writeRow(holdfast(), 'orders', 'meanwhile');
    expect(wrongWith(await exchangeUnderLoad(holdfast(), 'orders', 'in-place', { target: { time } }))).toEqual(RIGHT);
    expect(await rowsOf(holdfast(), 'orders')).toEqual(['before']);
    // On the node that was the primary.
    expect((await besideData(holdfast(), 'orders')).map((line) => line.replace(/^pg-\d /, ''))).toEqual(['kept']);
  });

  test('what was kept goes by itself when its time is over', async () => {
    expect(await keptOf(holdfast(), 'orders')).toMatchObject({ bytes: expect.any(Number) as number });
    await holdfast().database.query(`update swaps set kept_until = now() where kept_until > now()`);
    await holdfast().temporal.schedule.getHandle(HOUSEKEEPING_SCHEDULE).trigger();
    await eventually(async () => (await besideData(holdfast(), 'orders')).length === 0, POLL);
    expect(await keptOf(holdfast(), 'orders')).toBe('NOTHING_KEPT');
  });

  test('a primary that loses power before the exchange: the restore waits with a word of it, and the old data serves on, whole', async () => {
    await eventually(() => isWhole(holdfast()), POLL);
    const config = login(await holdfast().credentials('orders'), 'primaryPort');
    const primary = await findPrimary(holdfast().fleet, await viewOf(holdfast(), 'orders'));
    const host = holdfast().docker.getContainer(primary.hostId ?? '');
    const pulse = startPulse(config);
    const restore = await losingPower(holdfast(), host, pulse.beats).finally(() => pulse.stop());
    expect(restore.reason).toMatch(/has failed over meanwhile.*: cancel, and restore again/);
    await ask(holdfast(), 'POST', `/v1/operations/${restore.id}/cancel`, {});
    await eventually(async () => (await holdfast().operation(restore.id)).state === 'cancelled', POLL);
    const rows = await query<{ number: string }>(config, 'select number from public.pulse');
    const there = new Set(rows.map(({ number }) => Number(number)));
    expect(pulse.beats.filter(({ number }) => !there.has(number))).toEqual([]);
    expect(await besideData(holdfast(), 'orders')).toEqual([]);
    expect((await holdfast().cluster('orders')).status.state).toBe('ready');
  });
}

/** Restores `orders` in place, and takes the power from its primary in the middle of it, until another one takes writes. */
async function losingPower(
  holdfast: Holdfast,
  primary: Docker.Container,
  beats: readonly Beat[],
): Promise<OperationAnswer> {
  const request = { target: { latest: true }, confirm: 'orders' };
  const { id } = await ask(holdfast, 'POST', '/v1/clusters/orders/restores/in-place', request);
  await eventually(async () => {
    const { steps } = await holdfast.operation(id);
    return steps.some(({ title, startedAt }) => title === 'check the data' && startedAt !== null);
  }, POLL);
  await primary.kill();
  const killedAt = Date.now();
  await eventually(() => Promise.resolve(beats.some(({ at }) => at > killedAt)), POLL);
  await powerOn(primary);
  return holdfast.waitFor(id, ({ state }) => state === 'waiting');
}
