import type { FoundSet } from '../../activities/inventory/backup-tables';
import type { Backup, Timeline } from '../../domain/backups';
import type { ClusterId, OperationId } from '../../domain/ids';
import type { Operation, OperationSummary } from '../../domain/operations';
import type { TestApi } from './api';
import { finish, knownSite, newId, refOf } from './inventory';
import { startOn } from './lineage';

/** What workers do for backups, done by hand: clusters with a lineage, and backups in it. */

export const SITES = [
  knownSite('primary', 'docker'),
  knownSite('secondary', 'docker', 'static'),
  knownSite('offsite', 'static'),
] as const;

export const recordSites = ({ inventory }: Pick<TestApi, 'inventory'>): Promise<void> => inventory.sites.record(SITES);

export async function operationOf({ inventory }: Pick<TestApi, 'inventory'>, id: unknown): Promise<Operation> {
  const operation = await inventory.operations.get(String(id) as OperationId);
  if (operation === null) throw new Error(`no operation ${String(id)}`);
  return operation;
}

/** Orders a cluster and makes it ready, with a lineage when its order has backups. */
export async function readyCluster(
  api: TestApi,
  name: string,
  order: object = {},
): Promise<{ readonly id: ClusterId; readonly timeline: Timeline }> {
  const { status, body } = await api.request('POST', '/v1/clusters', { body: { name, plan: 'sandbox', ...order } });
  if (status !== 202) throw new Error(`${status} ${JSON.stringify(body)}`);
  const operation = await operationOf(api, body['id']);
  const timeline = await makeReady(api, operation);
  await finish(api.inventory, operation);
  return { id: operation.clusterId, timeline };
}

/** Opens the lineage and declares the cluster ready, as its operation would. */
export async function makeReady(
  { inventory }: Pick<TestApi, 'inventory'>,
  operation: OperationSummary,
): Promise<Timeline> {
  const { clusterId } = operation;
  const ref = refOf(operation);
  const cluster = await inventory.clusters.get(clusterId);
  const sites = cluster?.spec.backups?.sites ?? [];
  if (sites.length > 0)
    await inventory.timelines.open(ref, { id: newId('tl'), sites, version: cluster?.spec.version ?? '18' });
  const address = { host: '10.1.2.3', primaryPort: 5432, replicaPort: 5433, pooledPort: 6432 };
  await inventory.clusters.setStatus(ref, { state: 'ready', endpoint: { addresses: [address] } });
  const timeline = await inventory.timelines.current(clusterId);
  const none: Timeline = {
    id: 'tl_none',
    projectId: operation.projectId,
    clusterId,
    version: '18',
    sites,
    createdAt: operation.createdAt,
    expiresAt: null,
  };
  return timeline ?? none;
}

let sets = 0;

/** A set in a store as pgBackRest would tell of it. */
export const newSet = (backupId: string | null, change: Partial<FoundSet> = {}): FoundSet => ({
  backupId,
  setId: `20261121-0630${String(++sets).padStart(2, '0')}F`,
  type: 'full',
  path: `tl/backup/${sets}`,
  storedBytes: 4 * 1024 ** 2,
  databaseBytes: 30 * 1024 ** 2,
  tool: 'pgBackRest 2.60.0',
  startedAt: '2026-11-21T06:30:00.000Z',
  finishedAt: '2026-11-21T06:30:09.000Z',
  startLsn: '0/2000028',
  stopLsn: '0/2000100',
  damaged: false,
  ...change,
});

/** Lets a backup that was asked for succeed, with a copy on each of these sites. */
export async function succeedBackup(
  { inventory }: Pick<TestApi, 'inventory'>,
  operationId: unknown,
  timeline: Timeline,
  change: Partial<FoundSet> = {},
): Promise<Backup> {
  const operation = await operationOf({ inventory }, operationId);
  const ref = refOf(operation);
  const { id } = await inventory.backups.ofOperation(operation.id);
  await inventory.backups.recordStart(ref, startOn('pg-1', 'primary'));
  for (const site of timeline.sites) {
    // What is there already stays: what a look does not find counts as gone.
    const known = await inventory.backups.list(timeline.projectId, { limit: 100, clusterId: timeline.clusterId });
    const there = known.flatMap((backup) =>
      backup.copies
        .filter((copy) => copy.site === site && copy.removedAt === null)
        .map((copy) => newSet(backup.id, { ...copy, databaseBytes: copy.databaseBytes ?? 0 })),
    );
    await inventory.backups.recordSets(timeline, site, [...there, newSet(id, change)]);
  }
  await inventory.backups.succeed(ref);
  await finish(inventory, operation);
  return inventory.backups.ofOperation(operation.id);
}

/** Marks a cluster as deleted, its backups to be removed in so many days. */
export async function deleteCluster(api: TestApi, name: string, days = 7): Promise<void> {
  const { body } = await api.request('DELETE', `/v1/clusters/${name}?confirm=${name}`);
  const operation = await operationOf(api, body['id']);
  await api.inventory.timelines.expireWith(refOf(operation), days);
  await api.inventory.clusters.markDeleted(refOf(operation));
  await finish(api.inventory, operation);
}

/** What a restore in place or a rollback does: exchanges the data, and keeps what was there. */
export async function exchangeData({ inventory }: Pick<TestApi, 'inventory'>, operation: Operation): Promise<void> {
  const { swaps } = inventory;
  const ref = refOf(operation);
  await swaps.note(ref, { node: 'pg-1', keptOn: 'pg-1', oldLog: 1, newLog: 2, forkLsn: '0/3000000' });
  await swaps.pass(ref);
  const found = { bytes: 31_457_280, lastCommitLsn: '0/5000000', lastCommitAt: '2026-11-21T07:02:00.000Z', hours: 24 };
  await swaps.keep(ref, found);
  await finish(inventory, operation);
}
