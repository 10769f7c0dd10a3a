import { stateOf } from '../../domain/heartbeats';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet } from '../fleet';
import { gatewaysOf, viewCluster, watchedHostOf } from '../fleet';
import type { Lead } from '../gateway/haproxy';
import { leadTo } from '../gateway/haproxy';
import type { Failover } from '../inventory/failovers';
import { findPrimary } from '../postgres/psql';
import { isOff, switchOff, switchOn } from './former-host';
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
 * @param clock tells milliseconds. @throws CLOUD_UNAVAILABLE, CLOUD_REFUSED; what the inventory does. Take it up again.
 */
export async function carryOn(fleet: Fleet, { id }: Pick<Failover, 'id'>, clock: () => number): Promise<void> {
  // Another worker may have got on with it by now: a host that is on again already must not be switched off.
  const failover = await stillUnfinished(fleet, id);
  if (!failover) return;
  const { clusterId, node, fencedAt } = failover;
  const view = await viewCluster(fleet, clusterId);
  // Whoever deletes it removes its hosts, too.
  if (!isReady(view)) return fleet.inventory.failovers.end(id, { primary: null, host: 'left alone' });
  if (fencedAt === null && inMaintenance(view)) return;
  const lease = fencedAt === null ? await fence(fleet, view, failover) : failover.lease;
  // Somebody may have switched it on since it was fenced: it may be the primary again, and is left alone.
  if (fencedAt === null || (await isOff(view, node))) await giveAway(fleet, view, node, lease);
  const primary = await promoted(fleet, view);
  await leadFrom(fleet, view, node, primary);
  await takeForBack(fleet, view, node);
  const host = await switchOn(view, node, clock);
  await fleet.inventory.failovers.end(id, { primary, host });
}

/** @returns the lease that may be given to others now; null: none is known, and Patroni decides when it is over. */
async function fence(fleet: Fleet, view: ClusterView, { id, node }: Failover): Promise<number | null> {
  const [lease] = await Promise.all([readLease(fleet, view, node), switchOff(view, node)]);
  await fleet.inventory.failovers.noteFenced(id, lease);
  return lease;
}

/** Its host is off. Who waits for an answer of it would wait for as long as TCP does: sessions end at once. */
async function giveAway(fleet: Fleet, view: ClusterView, node: NodeName, lease: number | null): Promise<void> {
  const led = leadClients(fleet, view, { from: node });
  await takeForOff(fleet, view, node);
  if (lease !== null) await releaseLease(fleet, view, node, lease);
  await led;
}

const promoted = (fleet: Fleet, view: ClusterView): Promise<NodeName | null> =>
  findPrimary(fleet, view, PROMOTED_WITHIN_S).then(
    ({ name }) => name,
    () => null,
  );

/**
 * Carries on what another worker left, or what failed. Where the host may still be on, the others are asked once more: one that was left
 * alone by then serves on.
 *
 * @throws as {@link carryOn} does.
 */
export async function takeUp(fleet: Fleet, failover: Failover, clock: () => number): Promise<void> {
  const { id, clusterId, node, fencedAt } = failover;
  const view = await viewCluster(fleet, clusterId);
  if (fencedAt !== null || !isReady(view)) return carryOn(fleet, failover, clock);
  if (inMaintenance(view)) return;
  const primary = await heardPrimary(fleet, failover);
  if (primary) return endByLease(fleet, view, failover, primary, clock);
  switch (await askWithout(fleet, view, node)) {
    case 'silent':
      return carryOn(fleet, failover, clock);
    case 'answers':
      return fleet.inventory.failovers.end(id, { primary: node, host: 'left alone' });
    case 'unknown':
      return bringBack(fleet, view, failover, clock);
    case 'late':
    // Taken up again at the next look.
  }
}

/** Another data node that says that it is the primary: Patroni's lease was over before the cloud had switched the host off. */
async function heardPrimary({ inventory }: Fleet, { clusterId, node }: Failover): Promise<NodeName | null> {
  const heard = [...(await inventory.heartbeats.of(clusterId)).values()];
  const others = heard.filter((one) => one.node !== node && stateOf(one.role, one.silentMs) === 'primary');
  return others[0]?.node ?? null;
}

/** Nobody has to be fenced any more. */
async function endByLease(
  fleet: Fleet,
  view: ClusterView,
  { id, node }: Failover,
  primary: NodeName,
  clock: () => number,
): Promise<void> {
  await leadFrom(fleet, view, node, primary);
  await takeForBack(fleet, view, node);
  // The cloud may have done what it did not confirm.
  const isKnownOff = await isOff(view, node).catch(() => false);
  const host = isKnownOff ? await switchOn(view, node, clock) : 'left alone';
  await fleet.inventory.failovers.end(id, { primary, host });
}

/**
 * Nobody may be fenced. A worker that died before it could write down that the host was off has left it so: it is switched on, and
 * Patroni decides who is the primary. One that runs is left alone, and is asked for again.
 */
async function bringBack(fleet: Fleet, view: ClusterView, { id, node }: Failover, clock: () => number): Promise<void> {
  if (!(await stillUnfinished(fleet, id)) || !(await isOff(view, node))) return;
  await takeForBack(fleet, view, node);
  const host = await switchOn(view, node, clock);
  const primary = await promoted(fleet, view);
  await leadFrom(fleet, view, node, primary);
  await fleet.inventory.failovers.end(id, { primary, host });
}

const stillUnfinished = async ({ inventory }: Fleet, id: Failover['id']): Promise<Failover | undefined> =>
  (await inventory.failovers.listUnfinished()).find((one) => one.id === id);

const isReady = ({ cluster }: ClusterView): boolean => cluster.status.state === 'ready';

/** What was not fenced before is looked at again when it is over. */
const inMaintenance = ({ cluster }: ClusterView): boolean =>
  cluster.status.conditions.some(({ type }) => type === 'Maintenance');

async function leadFrom(fleet: Fleet, view: ClusterView, from: NodeName, to: NodeName | null): Promise<void> {
  if (to !== null && to !== from) await leadClients(fleet, view, { from, to });
}

/** Without it HAProxy finds out by itself, within a second or two. */
async function leadClients(fleet: Fleet, view: ClusterView, lead: Lead): Promise<void> {
  const title = lead.to ? 'lead clients to the new primary' : 'lead clients away from the former primary';
  const options = { title, timeoutMs: LEAD_MS, connectTimeoutMs: 0 };
  await Promise.allSettled(
    gatewaysOf(view).map((gateway) => watchedHostOf(fleet, view, gateway).run(leadTo(lead), options)),
  );
}
