import type { ClientConfig } from 'pg';
import { restoreWindowSchema } from '../../../domain/schemas/restore-window';
import type { OperationAnswer } from '../../../domain/schemas/operations';
import { eventually } from '../../support/eventually';
import type { Holdfast } from '../../support/holdfast';
import { login, query, refusal } from '../../system/support/endpoint';
import { damageBackups } from './damage';
import { ask, backupsOf, POLL, remove, takeBackup } from './user';

/** Restores to a place in the log that is no time, several at once, while a backup runs. */

/** PostgreSQL counts that far only after years. */
const NEVER = '4000000000';
/** The first of all, which ended before any backup was taken. */
const LONG_AGO = '3';

const KINDS = ['point', 'lsn', 'transaction', 'backup'] as const;
const CREDENTIALS = { point: 'keep', lsn: 'rotate', transaction: 'keep', backup: 'keep' } as const;
type Places = Readonly<Record<(typeof KINDS)[number], string>>;

/** Writes a line before and after each place; gives where they are. */
async function markPlaces(holdfast: Holdfast, cluster: string): Promise<Places> {
  const config = login(await holdfast.credentials(cluster), 'primaryPort');
  const write = (line: string): Promise<unknown> => query(config, `insert into public.lines values ('${line}')`);
  await query(config, 'create table public.lines (line text primary key)');
  await write('1 before the point');
  const { id } = await ask(holdfast, 'POST', `/v1/clusters/${cluster}/restore-points`, { name: 'release' });
  await holdfast.succeed(id);
  await write('2 after the point, before the position');
  const [place] = await query<{ lsn: string }>(config, 'select pg_current_wal_lsn() as lsn');
  await write('3 after the position');
  const transaction = await writeInTransaction(config, '4 in the transaction');
  await write('5 after the transaction');
  const backup = await takeBackup(holdfast, cluster, { type: 'incremental' });
  await holdfast.succeed(backup.id);
  await write('6 after the backup');
  const [newest] = await backupsOf(holdfast, cluster);
  return { point: 'release', lsn: place?.lsn ?? '', transaction, backup: newest?.id ?? '' };
}

async function writeInTransaction(config: ClientConfig, line: string): Promise<string> {
  const [row] = await query<{ id: string }>(
    config,
    `insert into public.lines values ('${line}') returning pg_current_xact_id() as id`,
  );
  return row?.id ?? '';
}

async function linesOf(holdfast: Holdfast, cluster: string): Promise<string[]> {
  const config = login(await holdfast.credentials(cluster), 'primaryPort');
  const rows = await query<{ line: string }>(config, 'select line from public.lines order by line');
  return rows.map(({ line }) => line.slice(0, 1));
}

const order = (
  holdfast: Holdfast,
  cluster: string,
  name: string,
  target: object,
  credentials: 'keep' | 'rotate' = 'keep',
): Promise<OperationAnswer> => ask(holdfast, 'POST', `/v1/clusters/${cluster}/restores`, { name, target, credentials });

/** The owner's password of the source opens a cluster that kept it, and not the one that was given a new one. */
async function demandRotated(holdfast: Holdfast, source: string, kept: string, rotated: string): Promise<void> {
  const { password } = await holdfast.credentials(source);
  const withOld = async (cluster: string): Promise<ClientConfig> => ({
    ...login(await holdfast.credentials(cluster), 'primaryPort'),
    password,
  });
  expect(await query(await withOld(kept), 'select 1 as one')).toEqual([{ one: 1 }]);
  expect(await refusal(await withOld(rotated))).toContain('28P01');
}

/** @param known a transaction that has ended. */
async function demandFutureRefused(holdfast: Holdfast, cluster: string, known: string): Promise<void> {
  const restores = `/v1/clusters/${cluster}/restores`;
  const { status, body } = await holdfast.api('POST', restores, { name: 'to-never', target: { transaction: NEVER } });
  expect([status, body]).toMatchObject([422, { code: 'RESTORE_TARGET_OUTSIDE' }]);
  const [, newest = ''] = /that has ended is (\d+)\. Nothing was done\./.exec(JSON.stringify(body)) ?? [];
  expect(Number(newest)).toBeGreaterThanOrEqual(Number(known));
  const window = restoreWindowSchema.parse((await holdfast.api('GET', `${restores}/window`)).body);
  expect(Number(window.lastTransaction)).toBeGreaterThanOrEqual(Number(newest));
}

/** What it says that it stands still for. */
async function waitsFor(holdfast: Holdfast, { id }: OperationAnswer): Promise<string> {
  return eventually(async () => {
    const { state, reason, error } = await holdfast.operation(id);
    if (state !== 'waiting' && error === null) return false;
    return `${state}: ${String(reason)}`;
  }, POLL);
}

async function cancel(holdfast: Holdfast, { id }: OperationAnswer): Promise<void> {
  const { status, body } = await holdfast.api('POST', `/v1/operations/${id}/cancel`, {});
  if (status !== 202) throw new Error(JSON.stringify(body));
  await eventually(async () => (await holdfast.operation(id)).state === 'cancelled', POLL);
}

/** Of the cluster `shop`. @param holdfast only known once it runs. */
export function describeTargets(holdfast: () => Holdfast): void {
  test('restores to a point, a position, a transaction and a backup stop right there, at once and while a backup runs', async () => {
    const places = await markPlaces(holdfast(), 'shop');
    const unknown = await holdfast().api('POST', '/v1/clusters/shop/restores', { name: 'x', target: { point: 'no' } });
    expect(unknown).toMatchObject({ status: 422, body: { code: 'RESTORE_TARGET_OUTSIDE' } });
    await demandFutureRefused(holdfast(), 'shop', places.transaction);
    const backups = [(await takeBackup(holdfast(), 'shop', { type: 'full' })).id];
    const wanted = KINDS.map(
      async (kind) =>
        [kind, await order(holdfast(), 'shop', `to-${kind}`, { [kind]: places[kind] }, CREDENTIALS[kind])] as const,
    );
    const never = await order(holdfast(), 'shop', 'to-never', { transaction: LONG_AGO });
    const orders = await Promise.all(wanted);
    // On a fast machine it was over before they had begun.
    if ((await holdfast().operation(backups[0] ?? '')).finishedAt !== null)
      backups.push((await takeBackup(holdfast(), 'shop', { type: 'full' })).id);

    const restored = await Promise.all(orders.map(async ([, { id }]) => (await holdfast().succeed(id)).restored));
    for (const { from, checks } of restored.flatMap((one) => one ?? [])) {
      expect(from).toMatchObject({ site: 'primary', insteadOf: null });
      expect(checks.filter(({ passed }) => !passed)).toEqual([]);
      const names = ['data checksums', 'tables and rows', 'tables and indexes'];
      expect(checks.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
    }
    console.log(JSON.stringify(restored, null, 1));
    const lines = orders.map(async ([kind]) => [kind, await linesOf(holdfast(), `to-${kind}`)]);
    expect(Object.fromEntries(await Promise.all(lines))).toEqual({
      point: ['1'],
      lsn: ['1', '2'],
      transaction: ['1', '2', '3', '4'],
      backup: ['1', '2', '3', '4', '5'],
    });
    await demandRotated(holdfast(), 'shop', 'to-point', 'to-lsn');
    const waiting = await waitsFor(holdfast(), never);
    expect(waiting).toMatch(/^waiting: .*recovery ended before configured recovery target was reached/);
    await Promise.all([cancel(holdfast(), never), ...orders.map(([kind]) => remove(holdfast(), `to-${kind}`))]);
    for (const id of backups) await holdfast().succeed(id);
  });

  test('what the first site has is damaged: a restore throws away what it began with, reads the next site and says so', async () => {
    const [newest] = await backupsOf(holdfast(), 'shop');
    const first = holdfast().stores?.dataFolder('primary');
    if (!newest || first === undefined) throw new Error('no backup, or no store');
    const { files, mend } = damageBackups(first);
    expect(files).toBeGreaterThan(0);
    // What pgBackRest finds the backup for, and what it is told.
    const targets = { latest: {}, backup: { target: { backup: newest.id } } };
    const restore = (name: string, request: object): Promise<OperationAnswer> =>
      ask(holdfast(), 'POST', '/v1/clusters/shop/restores', { name, ...request });
    try {
      const wanted = Object.entries(targets).map(([kind, request]) => restore(`second-${kind}`, request));
      for (const { id, clusterName } of await Promise.all(wanted)) {
        const { restored } = await holdfast().succeed(id);
        expect(restored?.from).toMatchObject({ site: 'secondary', insteadOf: 'primary' });
        const { restoredFrom } = await holdfast().cluster(clusterName);
        expect(restoredFrom).toEqual({ operationId: id, site: 'secondary', setId: restored?.from?.setId });
        expect(await linesOf(holdfast(), clusterName)).toEqual(['1', '2', '3', '4', '5', '6']);
      }
      // Who asks for that site gets no other.
      const alone = await restore('second-asked', { ...targets.backup, site: 'primary' });
      expect(await waitsFor(holdfast(), alone)).toMatch(/^waiting: /);
      await cancel(holdfast(), alone);
    } finally {
      mend();
    }
    await Promise.all(Object.keys(targets).map((kind) => remove(holdfast(), `second-${kind}`)));
  });
}
