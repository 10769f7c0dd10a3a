import { log } from '@temporalio/activity';
import { hostToken } from '../cloud/tokens';
import type { ClusterView, Fleet } from '../fleet';
import { dataNodesOf, hostOf, viewCluster } from '../fleet';
import { sh } from '../host/shell';
import type { Failover } from '../inventory/failovers';
import { ETCDCTL, keysOf } from '../patroni/keys';
import { findPrimary } from '../postgres/psql';
import { askOthersFor } from './witnesses';

/** Patroni would have got there without help by then. */
const PROMOTED_WITHIN_S = 60;
/** etcd itself may have to elect a leader first. */
const RELEASE_MS = 10_000;

/**
 * Takes a failover that was written down to its end, from wherever it was left: the host of the former primary is off before
 * its lease is given to others, and on again when another node is the primary. Idempotent; two at a time do no harm.
 *
 * @throws CLOUD_UNAVAILABLE, CLOUD_REFUSED; what the inventory does. Call it again.
 */
export async function carryOn(fleet: Fleet, { id, clusterId, node, fencedAt }: Failover): Promise<void> {
  const { failovers } = fleet.inventory;
  const view = await viewCluster(fleet, clusterId);
  // Whoever deletes it removes its hosts, too.
  if (view.cluster.status.state !== 'ready') return failovers.end(id, null);
  if (fencedAt === null && inMaintenance(view)) return;
  const host = hostToken(view.cluster, node);
  if (fencedAt === null) {
    await view.cloud.powerOff(host);
    await failovers.noteFenced(id);
  }
  await releaseLease(fleet, view, node);
  const primary = await findPrimary(fleet, view, PROMOTED_WITHIN_S).catch(() => null);
  // Where it is gone for good the node gets another one: replacements.ts.
  if (await view.cloud.findHost(host)) await view.cloud.powerOn(host);
  await failovers.end(id, primary?.name ?? null);
}

/**
 * Carries on what another worker left. Where the host may still be on, the others are asked once more: one that was left alone by then
 * serves on.
 *
 * @throws as {@link carryOn} does.
 */
export async function takeUp(fleet: Fleet, failover: Failover): Promise<void> {
  const { id, clusterId, node, fencedAt } = failover;
  const view = await viewCluster(fleet, clusterId);
  if (fencedAt === null && inMaintenance(view)) return;
  const isLeft = fencedAt === null && view.cluster.status.state === 'ready';
  const said = isLeft ? await askOthersFor(fleet, view, node) : 'silent';
  if (said === 'silent') return carryOn(fleet, failover);
  if (said === 'answers') return fleet.inventory.failovers.end(id, node);
}

/** What was not fenced before is looked at again when it is over. */
const inMaintenance = ({ cluster }: ClusterView): boolean =>
  cluster.status.conditions.some(({ type }) => type === 'Maintenance');

/** Without it the others wait until the lease is over, 20 s at most: a failure here costs time only. */
async function releaseLease(fleet: Fleet, view: ClusterView, node: Failover['node']): Promise<void> {
  const key = `${keysOf(view.cluster)}/leader`;
  const onlyItsOwn = `value("${key}") = "${node}"\n\ndel ${key}\n\n\n`;
  const release = sh`${ETCDCTL} --command-timeout=${RELEASE_MS / 1000}s txn`;
  const others = dataNodesOf(view).filter(({ name }) => name !== node);
  const tries = others.map((other) =>
    hostOf(fleet, view, other).run(release, { title: 'release the lease', stdin: onlyItsOwn, timeoutMs: RELEASE_MS }),
  );
  await Promise.any(tries).catch((error: unknown) => {
    log.warn('the lease of a primary that is off was not released', { cluster: view.cluster.id, error: String(error) });
  });
}
