import { readdirSync } from 'node:fs';
import { dataNodesOf, hostOf, viewCluster } from '../../../activities/fleet';
import type { Host } from '../../../activities/host/host';
import { sh } from '../../../activities/host/shell';
import { calendarOf } from '../../../activities/pgbackrest/calendar';
import { OWN_BACKUP_SERVICE, OWN_ORDERS_FILE } from '../../../activities/pgbackrest/own-backups';
import { findPrimary } from '../../../activities/postgres/psql';
import { nextRuns } from '../../../domain/backup-times';
import type { BackupAnswer } from '../../../domain/schemas/backups';
import { isId } from '../../../domain/ids';
import type { Holdfast } from '../../support/holdfast';
import { eventually } from '../../support/eventually';
import { POLICY } from '../../support/lineage';
import { ask, backupsOf, POLL, takeBackup, windowOf } from './user';

/** What hosts do by themselves, and what users have them do around a backup. */

interface Hosts {
  readonly primary: Host;
  readonly replicas: readonly Host[];
}

async function hostsOf(holdfast: Holdfast, name: string): Promise<Hosts> {
  const { fleet } = holdfast;
  const { id } = await holdfast.cluster(name);
  if (!isId('clu', id)) throw new Error(id);
  const view = await viewCluster(fleet, id);
  const primary = await findPrimary(fleet, view);
  const replicas = dataNodesOf(view).filter((node) => node.name !== primary.name);
  return { primary: hostOf(fleet, view, primary), replicas: replicas.map((node) => hostOf(fleet, view, node)) };
}

const DUE = `import json, sys
file = sys.argv[1]
with open(file) as old: orders = json.load(old)
orders['calendars'] = {'full': None, 'diff': None, 'incr': sys.argv[2]}
with open(file, 'w') as new: json.dump(orders, new)
`;

/** As if its orders were a day old. @param calendar when incremental ones are due. */
async function orderOn(host: Host, calendar: string): Promise<void> {
  await host.run(sh`python3 -c ${DUE} ${OWN_ORDERS_FILE} ${calendar}`);
  await host.run(sh`touch -d ${'1 day ago'} ${OWN_ORDERS_FILE}`);
}
const EACH_SECOND = '*-*-* *:*:* UTC';
const EACH_YEAR = '*-01-01 00:00:00 UTC';

/** Twice in the minute to come, and never again: what is taken from the middle between them on is not overdue anew. */
const twiceSoon = (): string => {
  const minute = new Date(Date.now() + 60_000).toISOString().slice(0, 'YYYY-MM-DDThh:mm'.length).replace('T', ' ');
  return `${minute}:10,20 UTC`;
};

const TIMER = 'holdfast-own-backup.timer';
const HURRY = `folder=/run/systemd/system/$1.d; mkdir "$folder"
printf '[Timer]\\n%s\\n' OnActiveSec= OnActiveSec=1 OnUnitInactiveSec=1 RandomizedDelaySec=0 AccuracySec=1 >"$folder/soon.conf"
systemctl daemon-reload && systemctl restart "$1"`;
const CALM = `rm -r "/run/systemd/system/$1.d"; systemctl daemon-reload && systemctl restart "$1"`;

/** Lets the host look each second, not each ten minutes, while `act` runs. */
async function inHaste<T>(host: Host, act: () => Promise<T>): Promise<T> {
  await host.run(sh`sh -euc ${HURRY} sh ${TIMER}`);
  return act().finally(() => host.run(sh`sh -euc ${CALM} sh ${TIMER}`));
}

/** How many sets of a lineage a store has, as its folder shows. */
const setsIn = (folder: string, lineage: string): number =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.includes(`/${lineage}/`) && /\d[FDI]\/backup\.manifest$/.test(file),
  ).length;

/** As the timer does. */
const look = (host: Host): Promise<string> =>
  host.run(sh`systemctl start ${OWN_BACKUP_SERVICE}`, { timeoutMs: 120_000 });

const countOf = async (holdfast: Holdfast, cluster: string): Promise<number> => {
  // A look at the window is one at what the stores have, too.
  await windowOf(holdfast, cluster);
  return (await backupsOf(holdfast, cluster)).length;
};

/** A backup that was asked for, when it has ended. */
async function backedUp(holdfast: Holdfast, state: 'succeeded' | 'failed'): Promise<BackupAnswer> {
  const { id } = await takeBackup(holdfast, 'shop', { type: 'incremental' });
  await holdfast.waitFor(id, (operation) => operation.state === state);
  const backup = (await backupsOf(holdfast, 'shop')).find(({ operationId }) => operationId === id);
  if (!backup) throw new Error('no backup');
  return backup;
}

async function setHooks(holdfast: Holdfast, hooks: object): Promise<void> {
  const { id } = await ask(holdfast, 'PATCH', '/v1/clusters/shop/backup-policy', { hooks });
  await holdfast.succeed(id);
}

/** On the cluster `shop`, of one data node, which has a backup. @param get only known once it runs. */
export function describeAround(get: () => Holdfast): void {
  test('with the control plane away a host takes a backup by itself when one is overdue, and not before; once back, that knows of it', async () => {
    const holdfast = get();
    const { stores } = holdfast;
    if (!stores) throw new Error('no stores');
    const { primary } = await hostsOf(holdfast, 'shop');
    const before = await countOf(holdfast, 'shop');
    expect((await primary.run(sh`systemctl is-active ${TIMER}`)).trim()).toBe('active');
    await look(primary);
    await orderOn(primary, EACH_YEAR);
    await look(primary);
    expect(await countOf(holdfast, 'shop')).toBe(before);

    await holdfast.worker.kill();
    const [{ timelineId } = { timelineId: '' }] = await backupsOf(holdfast, 'shop');
    const sets = (): number[] => ['primary', 'secondary'].map((site) => setsIn(stores.dataFolder(site), timelineId));
    const had = sets();
    await orderOn(primary, twiceSoon());
    await inHaste(primary, async () => {
      await eventually(() => Promise.resolve(sets().every((count, i) => count > (had[i] ?? 0))), POLL);
      await orderOn(primary, EACH_YEAR);
    });
    holdfast.worker.start();
    await eventually(async () => (await countOf(holdfast, 'shop')) > before, POLL);
    expect(await countOf(holdfast, 'shop')).toBe(before + 1);
    const [own] = await backupsOf(holdfast, 'shop');
    expect(own).toMatchObject({ operationId: null, requestedBy: 'host', type: 'incremental', state: 'succeeded' });
    expect(own).toMatchObject({ node: 'pg-1', nodeRole: 'primary', error: null });
    expect(own?.copies.map(({ site }) => site)).toEqual(['primary', 'secondary']);
  });

  test('hosts know the times of a policy as the control plane does', async () => {
    const { primary } = await hostsOf(get(), 'shop');
    const crons = ['17 1 * * 0', '47 * * * *', '*/20 8-18/5 * jan-jun,12 mon-fri', '0 0 1,31 * *', '5 4 * * 5-7'];
    for (const cron of crons) {
      for (const timeZone of ['UTC', 'Europe/Paris', 'Asia/Kolkata']) {
        const now = new Date();
        const calendar = calendarOf(cron, timeZone);
        const base = `--base-time=@${Math.floor(now.getTime() / 1000)}`;
        const printed = await primary.run(sh`env TZ=UTC systemd-analyze calendar --iterations=3 ${base} ${calendar}`);
        const runs = [...printed.matchAll(/: \w+ (\d\S+) (\d\S+) UTC$/gm)].map(
          ([, day, time]) => `${day}T${time}.000Z`,
        );
        const policy = { ...POLICY, timeZone, schedule: { ...POLICY.schedule, full: cron } };
        expect([cron, timeZone, runs]).toEqual([cron, timeZone, nextRuns(policy, 'full', 3, now)]);
      }
    }
  });

  test('scripts run around a backup as a user without access to the data; one that fails before it stops it', async () => {
    const holdfast = get();
    const script = `id -u; ls /var/lib/postgresql /etc/pgbackrest /run/postgresql; env | grep HOLDFAST_ | sort`;
    const post = { script: 'echo "after: $HOLDFAST_PHASE $HOLDFAST_STATE"; exit 7\n' };
    await setHooks(holdfast, { pre: { script: `#!/bin/bash\n${script}\n` }, post });
    const good = await backedUp(holdfast, 'succeeded');
    expect(good.scripts).toEqual([
      expect.objectContaining({ phase: 'pre', node: 'pg-1', state: 'succeeded', exitCode: 0 }),
      expect.objectContaining({ phase: 'post', state: 'failed', exitCode: 7, output: 'after: post succeeded' }),
    ]);
    const said = good.scripts[0]?.output ?? '';
    // Of those that systemd makes up.
    expect(said).toMatch(/^6[1-5]\d{3}$/m);
    expect(said.match(/Permission denied/g)).toHaveLength(3);
    const environment = [`BACKUP=${good.id}`, 'CLUSTER=shop', 'PHASE=pre', 'TYPE=incremental'];
    expect(said.split('\n').slice(-4)).toEqual(environment.map((line) => `HOLDFAST_${line}`));

    await setHooks(holdfast, { pre: { script: 'echo not now; sleep 60', timeoutSeconds: 1 } });
    const stopped = await backedUp(holdfast, 'failed');
    expect(stopped).toMatchObject({ error: { code: 'BACKUP_SCRIPT_FAILED' }, copies: [] });
    expect(stopped.scripts.map(({ exitCode, output }) => [exitCode, output])).toEqual([
      [124, 'not now'],
      [7, 'after: post failed'],
    ]);

    await setHooks(holdfast, { pre: null, post: null });
    const { primary } = await hostsOf(holdfast, 'shop');
    expect(await primary.run(sh`ls /etc/holdfast/hooks`)).toBe('');
    expect((await backedUp(holdfast, 'succeeded')).scripts).toEqual([]);
  });
}

/** On the cluster `orders`, of three data nodes, which has a backup. @param get only known once it runs. */
export function describeReplicasOwn(get: () => Holdfast): void {
  test('a replica takes none by itself', async () => {
    const holdfast = get();
    const { replicas } = await hostsOf(holdfast, 'orders');
    const before = await countOf(holdfast, 'orders');
    expect(replicas).toHaveLength(2);
    for (const replica of replicas) {
      await orderOn(replica, EACH_SECOND);
      await look(replica);
      // It may become the primary before it is told anew.
      await orderOn(replica, EACH_YEAR);
    }
    expect(await countOf(holdfast, 'orders')).toBe(before);
  });
}
