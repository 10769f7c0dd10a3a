import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere } from '../simulation/files';
import type { World } from '../simulation/world';
import { differs } from './differs';
import type { Experiment, Outcome } from './experiment';
import { prefixOf } from './experiment';
import type { Laboratory } from './laboratory';

/** What is wrong with restore points, or with the data of a cluster after a restore in place and what follows it, one sentence each. */

const FOLDER = 'var/lib/postgresql';
/** What the data tells of where it comes from: the data of a new cluster is `born`. */
const LABELS: Readonly<Record<string, readonly string[]>> = {
  'restore-in-place': ['restored', 'copied'],
  rollback: ['born', 'copied'],
};

export async function aboutSwap(
  { inventory }: Laboratory,
  world: World,
  { kind, cancelAt }: Experiment,
  { cluster, operation }: Outcome,
): Promise<string[]> {
  if (kind === 'create-restore-point') return aboutPoint({ inventory }, operation);
  if (kind !== 'restore-in-place' && kind !== 'rollback' && kind !== 'confirm-restore') return [];
  const hosts = world
    .hostTokens()
    .filter((token) => token.startsWith(prefixOf(cluster.id)) && /pg-\d$/.test(token))
    .flatMap((token) => world.host(token) ?? []);
  const kept = await inventory.swaps.kept(cluster.id);
  const isDone = operation.state === 'succeeded' && kind !== 'confirm-restore';
  const folders = hosts.flatMap(({ root }) =>
    readdirSync(join(root, FOLDER)).filter((name) => /^(aside|kept)-/.test(name)),
  );
  const wanted = isDone ? [`kept-${operation.id}`] : kept ? [`kept-${kept.operationId}`] : [];
  const status = (await inventory.clusters.get(cluster.id))?.status;
  return [
    ...differs('what lies beside the data', folders.sort(), wanted),
    ...differs(
      'whose data is kept',
      kept?.operationId ?? null,
      isDone ? operation.id : cancelAt ? (kept?.operationId ?? null) : null,
    ),
    ...hosts.flatMap(({ root, token }) => {
      const label = readIfThere(join(root, FOLDER, '18/main/label'))?.trim() ?? 'none';
      const right = LABELS[kind];
      return !isDone || right === undefined || right.includes(label) ? [] : [`${token} has the data that is ${label}`];
    }),
    ...hosts.flatMap(({ root, token }) =>
      existsSync(join(root, 'etc/pgbackrest/aside.conf')) ? [`${token} still knows how to restore`] : [],
    ),
    ...differs('the condition Ready', status?.conditions.find(({ type }) => type === 'Ready')?.status, true),
  ];
}

/** It is offered with its place in the log, unless it was cancelled. */
async function aboutPoint(
  { inventory }: Pick<Laboratory, 'inventory'>,
  { id, clusterId, state }: Outcome['operation'],
): Promise<string[]> {
  const timeline = await inventory.timelines.current(clusterId);
  const points = timeline ? await inventory.restorePoints.list(timeline.id, { limit: 100 }) : [];
  const own = points.filter((point) => point.id === id).map(({ lsn }) => lsn);
  return differs('the restore points that it made', own, state === 'succeeded' ? ['0/4000000'] : []);
}
