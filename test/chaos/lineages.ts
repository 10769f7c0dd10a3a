import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BACKUP_SECRETS, SECRET_NAMES } from '../../activities/secrets/stored-secrets';
import type { Backup, Timeline } from '../../domain/backups';
import type { OperationId } from '../../domain/ids';
import { laneOf } from '../../domain/operations';
import type { World } from '../simulation/world';
import { differs } from './differs';
import type { Outcome } from './experiment';
import type { Laboratory } from './laboratory';

/** What is wrong with the stores and what is known of them, one sentence each. */

/** `is used`: its cluster archives into it. `outlives its cluster`: for some days. `is gone`: nothing of it is left. */
export type Fate = 'is used' | 'outlives its cluster' | 'is gone';

/** Accounts, objects and secrets of a cluster's lineage. */
export async function aboutLineage(
  { inventory, scratch }: Laboratory,
  world: World,
  { cluster }: Outcome,
  fate: Fate,
): Promise<string[]> {
  const wanted = cluster.spec.backups?.sites ?? [];
  const rows = await scratch.query<{ id: Timeline['id']; removed: boolean; expires: boolean }>(
    `select id, removed_at is not null as removed, expires_at is not null as expires
       from timelines where cluster_id = $1`,
    [cluster.id],
  );
  const secrets = await scratch.query<{ name: string }>(
    'select name from secrets where cluster_id = $1 and starts_with(name, $2)',
    [cluster.id, BACKUP_SECRETS],
  );
  if (fate === 'is gone') {
    return [
      ...rows.flatMap(({ id, removed }) => (removed ? [] : [`lineage ${id} is not known to be removed`])),
      ...rows.flatMap(({ id }) => wanted.flatMap((site) => leftOn(world, site, id))),
      ...differs('secrets of backups', secrets.length, 0),
    ];
  }
  const current = await inventory.timelines.current(cluster.id);
  const secretsOf = (id: Timeline['id']): string[] => [
    SECRET_NAMES.backupPassphrase(id),
    ...wanted.map((site) => SECRET_NAMES.siteAccount(id, site)),
    // A cluster that is restored may keep the password of one that is gone.
    ...(fate === 'outlives its cluster' ? [SECRET_NAMES.backupOwner(id), SECRET_NAMES.backupAuthority(id)] : []),
  ];
  return [
    ...differs('lineages', rows.length, wanted.length === 0 ? 0 : 1),
    ...differs('its sites', current?.sites ?? [], wanted),
    ...rows.flatMap(({ removed, expires }) => [
      ...differs('lineages that were removed', removed, false),
      ...differs('lineages that expire', expires, fate === 'outlives its cluster'),
    ]),
    ...wanted.flatMap((site) => differs(`an account on ${site}`, current && hasAccount(world, site, current), true)),
    ...differs(
      'secrets of backups',
      secrets.map(({ name }) => name).sort(),
      rows.flatMap(({ id }) => secretsOf(id)).sort(),
    ),
  ];
}

/** The backup that an operation took: one set in each store, and the inventory knows of these and no others. */
export async function aboutBackup(
  { inventory }: Laboratory,
  world: World,
  { operation, cluster }: Outcome,
): Promise<string[]> {
  const takes =
    laneOf(operation.kind) === 'backup' ||
    ['restore', 'restore-in-place', 'rollback', 'recover'].includes(operation.kind);
  if (!takes || operation.state !== 'succeeded') return [];
  const all = cluster.spec.backups?.sites ?? [];
  // A new cluster is ready with the first of them; the others are filled at once.
  const sites = operation.kind === 'restore' ? all.slice(0, 1) : all;
  const backup = await inventory.backups.ofOperation(operation.id);
  const backups = await inventory.backups.list(cluster.projectId, { limit: 1_000, clusterId: cluster.id });
  const window = await inventory.timelines.getWindow(backup.timelineId);
  const { status } = (await inventory.clusters.get(cluster.id)) ?? {};
  const condition = status?.conditions.find(({ type }) => type === 'BackedUp');
  return [
    ...differs('the backup', [backup.state, backup.error, backup.node !== null], ['succeeded', null, true]),
    ...differs(
      'its copies',
      backup.copies.map(({ site, removedAt }) => [site, removedAt]).sort(),
      sites.map((site) => [site, null]).sort(),
    ),
    ...differs('how it was taken', [backup.version, backup.parameters !== null], ['18.6', true]),
    ...differs(
      'checksums of its manifests',
      backup.copies.map(({ manifestSha256 }) => manifestSha256),
      backup.copies.map(({ site, setId }) => manifestOf(world, site, backup.timelineId, setId)),
    ),
    ...(await aboutProof({ inventory }, operation, sourceOf(operation, cluster, backup))),
    ...(laneOf(operation.kind) === 'backup' ? await aroundBackup({ inventory }, operation.id) : []),
    ...sites.flatMap((site) => differs(`sets on ${site}`, setsOf(world, site, backup).length, 1)),
    ...differs('backups that nobody asked for', backups.filter(({ operationId }) => operationId === null).length, 0),
    ...differs('whether another one is asked for at once', isAskedFor(world, operation), sites.length < all.length),
    ...differs('a window that ends', typeof window?.latest, 'string'),
    ...differs('the condition', condition?.status, true),
  ];
}

const isAskedFor = (world: World, { id, clusterId }: Outcome['operation']): boolean =>
  existsSync(join(world.folder, 'occasions', clusterId, `incremental-${id}`));

/** The lineage that an operation restored from; null: from none. */
function sourceOf(
  { kind }: Outcome['operation'],
  { origin }: Outcome['cluster'],
  { timelineId }: Backup,
): Timeline['id'] | null {
  if (kind === 'restore-in-place') return timelineId;
  return kind === 'restore' && origin ? origin.timelineId : null;
}

/** What was restored and found to be good is proven by that. */
async function aboutProof(
  { inventory }: Pick<Laboratory, 'inventory'>,
  { createdAt }: Outcome['operation'],
  source: Timeline['id'] | null,
): Promise<string[]> {
  if (source === null) return [];
  const copies = await inventory.backups.copies(source);
  const proven = copies.filter(({ lastVerifiedAt }) => lastVerifiedAt !== null && lastVerifiedAt > createdAt);
  return differs('sets that it proved', proven.length > 0, true);
}

/** The scripts before and after it, and whom to tell, each once. That a script ran once is among the effects. */
async function aroundBackup({ inventory }: Pick<Laboratory, 'inventory'>, id: OperationId): Promise<string[]> {
  const { scripts } = await inventory.backups.ofOperation(id);
  const events = await inventory.operations.eventsAfter(id, 0);
  return [
    ...differs(
      'its scripts',
      scripts.map(({ phase, state, output }) => [phase, state, output]),
      [
        ['pre', 'succeeded', 'pre'],
        ['post', 'succeeded', 'post succeeded'],
      ],
    ),
    ...differs(
      'notices',
      events.flatMap(({ type, body }) => (type === 'notice' ? [body['told']] : [])),
      [['dba']],
    ),
  ];
}

const folderOf = (world: World, site: string, timeline: string): string => join(world.folder, 'sites', site, timeline);
const hasAccount = (world: World, site: string, { id }: Pick<Timeline, 'id'>): boolean =>
  existsSync(join(folderOf(world, site, id), 'account'));

function leftOn(world: World, site: string, timeline: string): string[] {
  const folder = folderOf(world, site, timeline);
  return ['account', 'objects'].filter((one) => existsSync(join(folder, one))).map((one) => `left on ${site}: ${one}`);
}

function manifestOf(world: World, site: string, timeline: string, setId: string): string | null {
  const name = encodeURIComponent(`backup/${timeline}/${setId}/backup.manifest`);
  const file = join(folderOf(world, site, timeline), 'objects', name);
  return existsSync(file) ? createHash('sha256').update(readFileSync(file)).digest('hex') : 'none is there';
}

/** Sets that were taken for a backup. */
function setsOf(world: World, site: string, { id, timelineId }: { id: string; timelineId: string }): string[] {
  const objects = join(folderOf(world, site, timelineId), 'objects');
  return readdirSync(objects).filter(
    (file) => file.startsWith('set.') && readFileSync(join(objects, file), 'utf8').includes(id),
  );
}
