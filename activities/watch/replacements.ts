import { log } from '@temporalio/activity';
import { STALE_MS } from '../../domain/heartbeats';
import type { ClusterId } from '../../domain/ids';
import type { Loss, Silence } from '../../domain/losses';
import { inStorm, machineLost, notReplaced, silenceOf, STORM } from '../../domain/losses';
import type { NodeName } from '../../domain/topology';
import { hostToken } from '../cloud/tokens';
import type { ClusterView, Fleet } from '../fleet';
import { reachableNode } from '../fleet';
import type { HeardCluster } from './hearing';
import { judgeMajority } from './majority-lost';
import type { HealingSteps } from './order';
import { orderByItself } from './order';
import { askOthersFor } from './witnesses';

/** Nodes that do not come back: each is replaced by an operation, which the watch orders as anybody could. */

export interface Losses {
  /** Returns at once; what has to be done goes on by itself. Call it about once a second. */
  look(clusters: readonly HeardCluster[]): void;
}

/** A cluster at one look. @property clusters how many have lost something at this moment. */
interface Look {
  readonly view: ClusterView;
  readonly silence: Silence;
  readonly silentNow: ReadonlySet<ClusterId>;
}

/** @param clock tells milliseconds. */
export function watchLosses(fleet: Fleet, steps: HealingSteps, clock: () => number): Losses {
  const since = silences(clock);
  const lookedAt = new Set<ClusterId>();
  /** All of them serve, and that is told. */
  const whole = new Set<ClusterId>();
  const judge = async (look: Look): Promise<void> => {
    const { view, silence } = look;
    const { replacements } = fleet.inventory;
    const { id } = view.cluster;
    if (silence.kind === 'unknown') return;
    if (silence.kind === 'none') {
      if (!whole.has(id)) await replacements.tell(id, null);
      return void whole.add(id);
    }
    whole.delete(id);
    const failovers = await fleet.inventory.failovers.listUnfinished();
    // When it is over its host is on again, and has all the time to come back.
    if (failovers.some(({ clusterId }) => clusterId === id)) return since.forget(view);
    if (silence.kind === 'majority') {
      const isOver = (node: NodeName): boolean => since.isOver(view, node);
      const loss = await judgeMajority(fleet, view, silence, isOver, steps.recover);
      return loss ? replacements.tell(id, loss) : undefined;
    }
    const lost = await lostOf(fleet, silence.nodes, view, since);
    await replaceFirst(fleet, look, lost, steps);
  };
  return {
    look(clusters) {
      const seen = clusters.map((heard) => ({
        view: heard.view,
        silence: silenceOf(heard.heartbeats(), heard.gatewayHeartbeats()),
      }));
      since.keep(seen);
      const silent = seen.filter(({ silence }) => 'nodes' in silence);
      const silentNow = new Set(silent.map(({ view }) => view.cluster.id));
      for (const one of seen) {
        const { id } = one.view.cluster;
        if (lookedAt.has(id)) continue;
        lookedAt.add(id);
        void judge({ ...one, silentNow })
          .catch(tellFailure)
          .finally(() => lookedAt.delete(id));
      }
    },
  };
}

/** One of them gets a fresh host, or it is told why none does. */
async function replaceFirst(fleet: Fleet, look: Look, lost: readonly NodeName[], steps: HealingSteps): Promise<void> {
  const { view } = look;
  const [node] = lost;
  if (node === undefined) return;
  const loss = await refusalOf(fleet, lost, look);
  if (loss) return fleet.inventory.replacements.tell(view.cluster.id, loss);
  const { role } = reachableNode(view, node);
  const summary = `${node}, which answers nobody any more`;
  await orderByItself(fleet, view, { kind: 'replace-node', node, summary, steps: steps[role] });
}

/** Since when nodes are silent without a break, while as many others are heard as now. */
interface Silences {
  keep(seen: readonly Pick<Look, 'view' | 'silence'>[]): void;
  isOver(view: ClusterView, node: NodeName): boolean;
  /** Of a cluster: they begin anew. */
  forget(view: ClusterView): void;
}

function silences(clock: () => number): Silences {
  let since = new Map<string, number>();
  const keyOf = ({ cluster }: ClusterView, kind: Silence['kind'], node: NodeName): string =>
    `${hostToken(cluster, node)} ${kind}`;
  return {
    keep(seen) {
      const now = seen.flatMap(({ view, silence }) =>
        'nodes' in silence ? silence.nodes.map((node) => keyOf(view, silence.kind, node)) : [],
      );
      // Nobody is called silent before it has been for that long.
      since = new Map(now.map((key) => [key, since.get(key) ?? clock() - STALE_MS]));
    },
    isOver(view, node) {
      const begins = (['some', 'majority'] as const).map((kind) => since.get(keyOf(view, kind, node)) ?? Infinity);
      return clock() - Math.min(...begins) >= view.plan.replaceAfterSeconds * 1000;
    },
    forget(view) {
      for (const key of since.keys()) if (key.startsWith(`${view.cluster.id}/`)) since.delete(key);
    },
  };
}

/** Those of silent nodes that are lost: silent for long enough or without a host, and silent to the other data nodes, too. */
async function lostOf(
  fleet: Fleet,
  silent: readonly NodeName[],
  view: ClusterView,
  since: Silences,
): Promise<NodeName[]> {
  const lost = await Promise.all(
    silent.map(
      async (node) =>
        (since.isOver(view, node) || (await isGone(view, node))) &&
        (await askOthersFor(fleet, view, node)) === 'silent',
    ),
  );
  return silent.filter((_node, i) => lost[i]);
}

/** Of what its owner has given, a cloud does not know whether it is there. */
const isGone = async ({ cloud, cluster }: ClusterView, node: NodeName): Promise<boolean> =>
  !cloud.machines && (await cloud.findHost(hostToken(cluster, node))) === null;

/** Why nothing is replaced by itself; null where it is. */
async function refusalOf(
  fleet: Fleet,
  lost: readonly NodeName[],
  { view: { cluster, cloud }, silentNow }: Look,
): Promise<Loss | null> {
  if (cloud.machines) return machineLost(cluster.name, lost);
  const recent = await fleet.inventory.replacements.listRecent('replace-node', STORM.withinS);
  const own = recent.filter(({ clusterId }) => clusterId === cluster.id);
  if (own.some(({ state }) => state === 'failed' || state === 'cancelled')) return notReplaced(cluster.name, lost);
  const clusters = new Set([...silentNow, ...recent.map(({ clusterId }) => clusterId)]);
  return clusters.size > STORM.clusters ? inStorm(cluster.name, lost, clusters.size) : null;
}

function tellFailure(error: unknown): void {
  log.warn('a look at silent nodes failed', { error: String(error) });
}
