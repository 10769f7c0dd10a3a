import { log } from '@temporalio/activity';
import { hostToken } from '../cloud/tokens';
import type { ClusterView, Fleet } from '../fleet';
import { dataNodesOf, gatewaysOf, viewCluster, watchedHostOf } from '../fleet';
import { leadTo } from '../gateway/haproxy';
import { sh } from '../host/shell';
import type { Failover } from '../inventory/failovers';
import { ETCDCTL, keysOf } from '../patroni/keys';
import { findPrimary } from '../postgres/psql';
import { takeForBack, takeForOff } from './taken-for-off';
import { askOthersFor } from './witnesses';

/** Patroni would have got there without help by then. */
const PROMOTED_WITHIN_S = 60;
const LEAD_MS = 2_000;
/** As long as the lease would last. */
const RELEASE_MS = 20_000;
/*
 * Where etcd's leader was lost with that host, a request is passed on to it until the others have noticed, and is never
 * answered: tries are short at first. etcdctl's own --command-timeout is not for transactions. Ends with its timeout, if not before.
 */
const RELEASE = `transaction=$(cat) seconds=1
until printf '%s\\n\\n\\n' "$transaction" | timeout "$seconds" "$@" txn; do
  seconds=$((seconds + 1))
  sleep 0.1
done`;

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
  await takeForOff(fleet, view, node);
  await releaseLease(fleet, view, node);
  const primary = await findPrimary(fleet, view, PROMOTED_WITHIN_S).catch(() => null);
  if (primary) await leadClients(fleet, view, { from: node, to: primary.name });
  await takeForBack(fleet, view, node);
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

/** Without it HAProxy finds out by itself, within a second or two. */
async function leadClients(fleet: Fleet, view: ClusterView, change: Parameters<typeof leadTo>[0]): Promise<void> {
  const options = { title: 'lead clients to the new primary', timeoutMs: LEAD_MS, connectTimeoutMs: 0 };
  await Promise.allSettled(
    gatewaysOf(view).map((gateway) => watchedHostOf(fleet, view, gateway).run(leadTo(change), options)),
  );
}

/** Without it the others wait until the lease is over, 20 s at most: a failure here costs time only. */
async function releaseLease(fleet: Fleet, view: ClusterView, node: Failover['node']): Promise<void> {
  const key = `${keysOf(view.cluster)}/leader`;
  const onlyItsOwn = `value("${key}") = "${node}"\n\ndel ${key}`;
  // Once it is released it may be that node's again, and rightly so.
  const released = new AbortController();
  const options = { title: 'release the lease', stdin: onlyItsOwn, timeoutMs: RELEASE_MS, signal: released.signal };
  const others = dataNodesOf(view).filter(({ name }) => name !== node);
  const tries = others.map(async (other) => {
    const printed = await watchedHostOf(fleet, view, other).run(sh`sh -c ${RELEASE} sh ${ETCDCTL}`, options);
    // It is not that node's any more: another of these or the worker before has released it, or it was over.
    if (!printed.startsWith('SUCCESS')) throw new Error(`${other.name} found nothing to release`);
  });
  await Promise.any(tries).catch((error: unknown) => {
    const reasons = error instanceof AggregateError ? error.errors.map(String) : [String(error)];
    log.warn('the lease of a primary that is off was not released', { cluster: view.cluster.id, reasons });
  });
  released.abort();
}
