import { setTimeout as pause } from 'node:timers/promises';
import { log } from '@temporalio/activity';
import { isHeard, silentPrimary } from '../../domain/heartbeats';
import type { ClusterId } from '../../domain/ids';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet } from '../fleet';
import { reasonOf } from '../host/cancellation';
import type { Failover } from '../inventory/failovers';
import { carryOn, takeUp } from './failover';
import type { HeardCluster } from './hearing';
import { openHearing } from './hearing';
import type { HealingSteps } from './order';
import { watchLosses } from './replacements';
import { askWithout } from './witnesses';

const LOOK_MS = 100;
/** How soon a new cluster, a changed node or a failover that somebody else left is seen, and what was heard is written down. */
const LIST_MS = 1_000;
/** A primary that others still hear is asked for again after so long, and told of once in so long. */
const AGAIN_MS = 500;
const TELL_MS = 60_000;

/**
 * Listens to the nodes of every cluster and writes down what they say; replaces a primary that is dead, where the cluster can
 * do without it and its cloud confirms that it is off; has nodes replaced that do not come back. Ends with the signal only.
 *
 * @param clock tells milliseconds; default: since the process began. @throws the reason of the signal.
 */
export async function guardClusters(
  fleet: Fleet,
  steps: HealingSteps,
  signal: AbortSignal,
  clock = (): number => performance.now(),
): Promise<never> {
  const hearing = openHearing(fleet);
  const losses = watchLosses(fleet, steps, clock);
  const failovers = createFailovers(fleet, clock);
  const listing = every(LIST_MS, signal, async () => {
    // Where one of them fails, the others still tell and heal.
    await failovers.takeUpLeft().catch(tell);
    await hearing.follow().catch(tell);
    await hearing.record().catch(tell);
    await notePrimaries(fleet, hearing.clusters()).catch(tell);
    losses.look(hearing.clusters());
  });
  await every(LOOK_MS, signal, () => {
    for (const heard of hearing.clusters()) {
      const node = heard.view.cloud.fences ? silentPrimary(heard.heartbeats(), heard.lastPrimary) : null;
      if (node !== null) failovers.suspect(heard.view, node);
    }
    return Promise.resolve();
  });
  await listing;
  hearing.stop();
  throw reasonOf(signal);
}

interface Failovers {
  /** Returns at once; what has to be done goes on by itself. */
  suspect(view: ClusterView, node: NodeName): void;
  takeUpLeft(): Promise<void>;
}

function createFailovers(fleet: Fleet, clock: () => number): Failovers {
  const table = fleet.inventory.failovers;
  const suspected = new Set<ClusterId>();
  const carried = new Set<Failover['id']>();
  const carry = async (failover: Failover, act: typeof takeUp): Promise<void> => {
    if (carried.has(failover.id)) return;
    carried.add(failover.id);
    await act(fleet, failover, clock)
      .catch(tell)
      .finally(() => carried.delete(failover.id));
  };
  const toldAtMs = new Map<ClusterId, number>();
  const tellLeftAlone = (cluster: ClusterId, node: NodeName): void => {
    if (performance.now() < (toldAtMs.get(cluster) ?? -TELL_MS) + TELL_MS) return;
    toldAtMs.set(cluster, performance.now());
    log.warn('a primary is silent, but not dead for sure: it is left alone', { cluster, node });
  };
  const act = async (view: ClusterView, node: NodeName): Promise<void> => {
    const { id } = view.cluster;
    const said = await askWithout(fleet, view, node);
    // Asked for again at the next look, if it is silent still.
    if (said === 'late') return;
    if (said !== 'silent') {
      tellLeftAlone(id, node);
      return pause(AGAIN_MS);
    }
    const failover = await table.begin(id, node);
    await (failover ? carry(failover, carryOn) : pause(AGAIN_MS));
  };
  return {
    suspect(view, node) {
      const { id } = view.cluster;
      if (suspected.has(id)) return;
      suspected.add(id);
      void act(view, node)
        .catch(tell)
        .finally(() => suspected.delete(id));
    },
    async takeUpLeft() {
      for (const failover of await table.listUnfinished()) void carry(failover, takeUp);
    },
  };
}

/** Where nobody took over in time somebody may later: Patroni goes on, and so do replacements and whoever mends the cluster. */
async function notePrimaries({ inventory }: Fleet, clusters: readonly HeardCluster[]): Promise<void> {
  const without = new Set(await inventory.failovers.listWithoutPrimary());
  for (const heard of clusters) {
    const { id } = heard.view.cluster;
    if (!without.has(id)) continue;
    const primary = heard.heartbeats().find((heartbeat) => isHeard(heartbeat) && heartbeat.role === 'primary');
    if (primary) await inventory.failovers.notePrimary(id, primary.node);
  }
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
