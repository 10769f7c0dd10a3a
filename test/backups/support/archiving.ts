import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import type { Host } from '../../../activities/host/host';
import { sh } from '../../../activities/host/shell';
import { hostOf, reachableNode, viewCluster } from '../../../activities/fleet';
import type { ClusterView } from '../../../activities/fleet';
import { listSegments } from '../../../activities/pgbackrest/stores';
import { dataDirectory } from '../../../activities/postgres/paths';
import { runSql } from '../../../activities/postgres/psql';
import type { SqlText } from '../../../activities/postgres/sql';
import { sql } from '../../../activities/postgres/sql';
import { isId } from '../../../domain/ids';
import type { ClusterDetailAnswer } from '../../../domain/schemas/clusters';
import { segmentNumber } from '../../../domain/wal-segments';
import { eventually } from '../../support/eventually';
import type { Holdfast } from '../../support/holdfast';
import { login, query } from '../../system/support/endpoint';
import { fillVolume } from '../../system/support/volume';
import type { Writer } from '../../system/support/ledger';
import type { TestStores } from '../../system/support/stores';
import { backupsOf, takeBackup, windowOf } from './user';

/** How the log gets into the stores, as the API shows it, and what is looked at behind it. */

/** Slow enough for the API, which counts requests; a primary tries again once a minute. */
const POLL = { everyMs: 1_000, limitMs: 300_000 };

type Archiving = NonNullable<ClusterDetailAnswer['status']['archiving']>;

/** Waits until the condition `Archiving` has one of those reasons, and gives its message. */
export function untilTold(holdfast: Holdfast, cluster: string, ...reasons: readonly string[]): Promise<string> {
  return eventually(async () => {
    const { status } = await holdfast.cluster(cluster);
    const condition = status.conditions.find(({ type }) => type === 'Archiving');
    return condition !== undefined && reasons.includes(condition.reason) && condition.message;
  }, POLL);
}

/** Waits until the API shows such an archive. */
export function untilShown(
  holdfast: Holdfast,
  cluster: string,
  isWanted: (archiving: Archiving) => boolean,
): Promise<Archiving> {
  return eventually(async () => {
    const { archiving } = (await holdfast.cluster(cluster)).status;
    return archiving !== null && isWanted(archiving) && archiving;
  }, POLL);
}

/** One commit on a cluster that is idle otherwise, and what the API shows when it is in the stores. */
export async function commitOnce(
  holdfast: Holdfast,
  cluster: string,
): Promise<{ readonly segment: string; readonly shown: Archiving }> {
  const config = login(await holdfast.credentials(cluster), 'primaryPort');
  const [row] = await query<{ segment: string }>(
    config,
    'select pg_walfile_name(pg_current_wal_insert_lsn()) as segment',
  );
  await query(config, 'create table alone ()');
  const committedAt = Date.now();
  const shown = await untilShown(
    holdfast,
    cluster,
    ({ lastArchivedAt, lagMs }) => Date.parse(lastArchivedAt ?? '') > committedAt && lagMs !== null,
  );
  return { segment: row?.segment ?? '', shown };
}

/** True for each site that has that segment. */
export async function whoHas(holdfast: Holdfast, cluster: string, segment: string): Promise<Record<string, boolean>> {
  const { id } = await holdfast.cluster(cluster);
  const timeline = isId('clu', id) ? await holdfast.fleet.inventory.timelines.current(id) : null;
  if (!timeline) throw new Error(`${cluster} has no lineage`);
  const has = async (site: string): Promise<[string, boolean]> => [
    site,
    (await listSegments(holdfast.fleet, site, timeline.id)).some(
      (one) => segmentNumber(one) === segmentNumber(segment),
    ),
  ];
  return Object.fromEntries(await Promise.all(timeline.sites.map(has)));
}

/** The one data node of a cluster, with what its superuser may ask. */
export interface DataNode {
  readonly view: ClusterView;
  readonly host: Host;
  readonly ask: (statement: SqlText) => Promise<string>;
}

export async function dataNode(holdfast: Holdfast, cluster: string): Promise<DataNode> {
  const { id } = await holdfast.cluster(cluster);
  if (!isId('clu', id)) throw new Error(id);
  const view = await viewCluster(holdfast.fleet, id);
  const host = hostOf(holdfast.fleet, view, reachableNode(view, 'pg-1'));
  return { view, host, ask: (statement) => runSql(view, host, 'postgres', statement, 'ask') };
}

/** Ends segments of the log, each with a commit. @returns the name of the last. */
export async function writeSegments({ ask }: DataNode, count: number): Promise<string> {
  let last = '';
  for (let i = 0; i < count; i++)
    last = await ask(
      sql`SELECT pg_logical_emit_message(true, 'test', 'x') IS NULL; SELECT pg_walfile_name(pg_switch_wal())`,
    );
  return last.split('\n').at(-1) ?? '';
}

const LOG = sql`SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)`;

/** Has PostgreSQL crash: Patroni begins a log of a higher number then. @returns that number, as files have it. */
async function beginNewLog({ view, host, ask }: DataNode): Promise<string> {
  const before = await ask(LOG);
  const crash = `kill -KILL "$(head -n 1 "$0/postmaster.pid")"`;
  await host.run(sh`sh -c ${crash} ${dataDirectory(view.cluster.spec.version)}`);
  return eventually(async () => {
    const now = await ask(LOG).catch(() => before);
    return now !== before && now;
  }, POLL);
}

const hasFile = (folder: string, name: string): boolean =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).some((file) => basename(file) === name);

/** Waits until PostgreSQL has let go of a segment. */
const untilLetGo = ({ ask }: DataNode, segment: string): Promise<true> =>
  eventually(
    async () =>
      (await ask(sql`SELECT coalesce(last_archived_wal >= ${segment}, false) FROM pg_stat_archiver`)) === 't' ||
      undefined,
    POLL,
  );

interface Ground {
  readonly holdfast: Holdfast;
  readonly stores: TestStores;
  /** On the cluster `shop`, whose policy is paused. */
  readonly writer: Writer;
}

/** On the cluster `shop`. @param ground only known once it runs. */
export function describeFullVolume(ground: () => Ground): void {
  test('with every store away the log never fills the volume: it is given up, PostgreSQL goes on, and the gap is told', async () => {
    const { holdfast, stores, writer } = ground();
    const shop = await dataNode(holdfast, 'shop');
    for (const { name } of stores.sites) await stores.stop(name);
    const log = await beginNewLog(shop);
    // A little less than the tenth that the log may not take.
    const empty = await fillVolume(shop.host, 99);
    await untilLetGo(shop, await writeSegments(shop, 4));
    const written = writer.attempts.length;
    await eventually(() => writer.attempts.slice(written).some(({ outcome }) => outcome === 'acknowledged'));
    await empty();
    for (const { name } of stores.sites) await stores.start(name);
    expect(await untilTold(holdfast, 'shop', 'Gap')).toContain('take one');
    const { id } = await takeBackup(holdfast, 'shop', { type: 'incremental' });
    await holdfast.succeed(id);
    await untilTold(holdfast, 'shop', 'UpToDate');
    // Where the log began is not given up with it: restores ask for it.
    await eventually(() => stores.sites.every(({ name }) => hasFile(stores.dataFolder(name), `${log}.history`)));
    const { copies } = (await backupsOf(holdfast, 'shop'))[0] ?? { copies: [] };
    const ends = (await windowOf(holdfast, 'shop')).gaps.map(({ to }) => to);
    expect(ends).toContain(copies.map(({ finishedAt }) => finishedAt).sort()[0]);
  });
}
