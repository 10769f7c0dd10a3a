import { setTimeout as pause } from 'node:timers/promises';
import { log } from '@temporalio/activity';
import { silentPrimary } from '../../domain/heartbeats';
import type { ClusterId } from '../../domain/ids';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, viewCluster } from '../fleet';
import { reasonOf } from '../host/cancellation';
import type { Failover } from '../inventory/failovers';
import { carryOn } from './failover';
import type { Listener } from './heartbeats';
import { listenTo } from './heartbeats';
import { isSilentToOthers } from './witnesses';

const LOOK_MS = 100;
/** How soon a new cluster, a changed node or a failover that somebody else left is seen. */
const LIST_MS = 1_000;
/** A primary that others still hear is asked for again after so long. */
const AGAIN_MS = 500;

/** Listens to the data nodes of every cluster that can do without one, and replaces a primary that is dead. Ends with the signal only. @throws its reason. */
export async function guardClusters(fleet: Fleet, signal: AbortSignal): Promise<never> {
  const guards = new Map<ClusterId, ClusterGuard>();
  const carried = new Set<Failover['id']>();
  const carry = async (failover: Failover): Promise<void> => {
    if (carried.has(failover.id)) return;
    carried.add(failover.id);
    await carryOn(fleet, failover)
      .catch(tell)
      .finally(() => carried.delete(failover.id));
  };
  const list = async (): Promise<void> => {
    const [ids, left] = await Promise.all([
      fleet.inventory.failovers.listGuarded(),
      fleet.inventory.failovers.listUnfinished(),
    ]);
    for (const failover of left) void carry(failover);
    const views = await Promise.all(ids.map((id) => viewCluster(fleet, id)));
    for (const view of views.filter(({ cloud }) => cloud.fences)) {
      const guard = guards.get(view.cluster.id) ?? guardCluster(fleet, carry);
      guards.set(view.cluster.id, guard.follow(view));
    }
    for (const [id, guard] of guards) {
      if (ids.includes(id)) continue;
      guards.delete(id);
      guard.stop();
    }
  };
  const listing = every(LIST_MS, signal, list);
  await every(LOOK_MS, signal, () => Promise.resolve(guards.forEach((guard) => guard.look())));
  await listing;
  for (const guard of guards.values()) guard.stop();
  throw reasonOf(signal);
}

interface ClusterGuard {
  /** Listens to the nodes that the cluster has now, and to no others. */
  follow(view: ClusterView): ClusterGuard;
  /** Returns at once; what has to be done goes on by itself. */
  look(): void;
  stop(): void;
}

function guardCluster(fleet: Fleet, carry: (failover: Failover) => Promise<void>): ClusterGuard {
  const listeners = new Map<string, Listener>();
  let view: ClusterView | null = null;
  let isActing = false;
  const act = async (seen: ClusterView, node: ReachableNode['name']): Promise<void> => {
    if (!(await isSilentToOthers(fleet, seen, node))) {
      log.info('a primary is silent, but not dead for sure: it is left alone', { cluster: seen.cluster.id, node });
      return pause(AGAIN_MS);
    }
    const failover = await fleet.inventory.failovers.begin(seen.cluster.id, node);
    await (failover ? carry(failover) : pause(AGAIN_MS));
  };
  const guard: ClusterGuard = {
    follow(now) {
      view = now;
      const nodes = new Map(
        dataNodesOf(now).map((node) => [`${node.name} ${node.privateAddress} ${node.hostKey}`, node]),
      );
      for (const [key, listener] of listeners) {
        if (nodes.has(key)) continue;
        listeners.delete(key);
        listener.stop();
      }
      for (const [key, node] of nodes) if (!listeners.has(key)) listeners.set(key, listenTo(fleet, now, node));
      return guard;
    },
    look() {
      const node = silentPrimary([...listeners.values()].map((listener) => listener.heartbeat()));
      if (node === null || view === null || isActing) return;
      isActing = true;
      void act(view, node)
        .catch(tell)
        .finally(() => (isActing = false));
    },
    stop: () => listeners.forEach((listener) => listener.stop()),
  };
  return guard;
}

/** What fails is done again at the next time. */
async function every(periodMs: number, signal: AbortSignal, act: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await act().catch(tell);
    await pause(periodMs, undefined, { signal }).catch(() => undefined);
  }
}

function tell(error: unknown): void {
  log.warn('a guard of clusters failed', { error: String(error) });
}
