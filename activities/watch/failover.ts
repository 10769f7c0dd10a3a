import { hostToken } from '../cloud/tokens';
import type { ClusterView, Fleet } from '../fleet';
import { gatewaysOf, viewCluster, watchedHostOf } from '../fleet';
import type { Lead } from '../gateway/haproxy';
import { leadTo } from '../gateway/haproxy';
import type { Failover } from '../inventory/failovers';
import { findPrimary } from '../postgres/psql';
import { readLease, releaseLease } from './lease';
import { takeForBack, takeForOff } from './taken-for-off';
import { askWithout } from './witnesses';

/** Patroni would have got there without help by then. */
const PROMOTED_WITHIN_S = 60;
const LEAD_MS = 2_000;

/**
 * Takes a failover that was written down to its end, from wherever it was left: the host of the former primary is off before
 * its lease is given to others, and on again when another node is the primary. Idempotent; two at a time do no harm.
 *
 * @throws CLOUD_UNAVAILABLE, CLOUD_REFUSED; what the inventory does. Call it again.
 */
export async function carryOn(fleet: Fleet, { id }: Pick<Failover, 'id'>): Promise<void> {
  const { failovers } = fleet.inventory;
  // Another worker may have got on with it by now: a host that is on again already must not be switched off.
  const failover = (await failovers.listUnfinished()).find((one) => one.id === id);
  if (!failover) return;
  const { clusterId, node, fencedAt } = failover;
  const view = await viewCluster(fleet, clusterId);
  // Whoever deletes it removes its hosts, too.
  if (view.cluster.status.state !== 'ready') return failovers.end(id, null);
  if (fencedAt === null && inMaintenance(view)) return;
  const host = hostToken(view.cluster, node);
  const lease = fencedAt === null ? await fence(fleet, view, failover) : failover.lease;
  // Somebody may have switched it on since it was fenced: it may be the primary again, and is left alone.
  if (fencedAt === null || !(await view.cloud.findHost(host))?.running) {
    // Who waits for an answer of the former primary would wait for as long as TCP does: sessions end at once.
    const led = leadClients(fleet, view, { from: node });
    await takeForOff(fleet, view, node);
    if (lease !== null) await releaseLease(fleet, view, node, lease);
    await led;
  }
  const primary = await findPrimary(fleet, view, PROMOTED_WITHIN_S).catch(() => null);
  if (primary && primary.name !== node) await leadClients(fleet, view, { from: node, to: primary.name });
  await takeForBack(fleet, view, node);
  // Where it is gone for good the node gets another one: replacements.ts.
  if (await view.cloud.findHost(host)) await view.cloud.powerOn(host);
  await failovers.end(id, primary?.name ?? null);
}

/** @returns the lease that may be given to others now; null: none is known, and Patroni decides when it is over. */
async function fence(fleet: Fleet, view: ClusterView, { id, node }: Failover): Promise<number | null> {
  const [lease] = await Promise.all([readLease(fleet, view, node), view.cloud.powerOff(hostToken(view.cluster, node))]);
  await fleet.inventory.failovers.noteFenced(id, lease);
  return lease;
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
  const said = isLeft ? await askWithout(fleet, view, node) : 'silent';
  if (said === 'silent') return carryOn(fleet, failover);
  if (said === 'answers') return fleet.inventory.failovers.end(id, node);
}

/** What was not fenced before is looked at again when it is over. */
const inMaintenance = ({ cluster }: ClusterView): boolean =>
  cluster.status.conditions.some(({ type }) => type === 'Maintenance');

/** Without it HAProxy finds out by itself, within a second or two. */
async function leadClients(fleet: Fleet, view: ClusterView, lead: Lead): Promise<void> {
  const title = lead.to ? 'lead clients to the new primary' : 'lead clients away from the former primary';
  const options = { title, timeoutMs: LEAD_MS, connectTimeoutMs: 0 };
  await Promise.allSettled(
    gatewaysOf(view).map((gateway) => watchedHostOf(fleet, view, gateway).run(leadTo(lead), options)),
  );
}
