import { log } from '@temporalio/activity';
import type { NodeState } from '../../domain/heartbeats';
import { lackWithout, STALE_MS, statesOf } from '../../domain/heartbeats';
import type { ClusterId } from '../../domain/ids';
import type { Loss, Silence } from '../../domain/losses';
import { inStorm, machineLost, notReplaced, postgresDown, silenceOf, STORM } from '../../domain/losses';
import type { NodeName } from '../../domain/topology';
import { hostToken } from '../cloud/tokens';
import type { ClusterView, Fleet } from '../fleet';
import { reachableNode } from '../fleet';
import type { RecentOrder } from '../inventory/replacements';
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

/** A cluster at one look. */
interface Look {
  readonly view: ClusterView;
  readonly silence: Silence;
  readonly states: ReadonlyMap<NodeName, NodeState | null>;
  /** Those that have lost something at this moment. */
  readonly silentNow: ReadonlySet<ClusterId>;
}

/** @param clock tells milliseconds. */
export function watchLosses(fleet: Fleet, steps: HealingSteps, clock: () => number): Losses {
  const since = silences(clock);
  const lookedAt = new Set<ClusterId>();
  /** All of them serve, and that is told. */
  const whole = new Set<ClusterId>();
  const judge = async (look: Look): Promise<void> => {
    const { view, silence, states } = look;
    const { replacements } = fleet.inventory;
    const { id } = view.cluster;
    if (silence.kind === 'unknown') return;
    if (silence.kind === 'none' && downIn(states).length === 0) {
      if (!whole.has(id)) await replacements.tell(id, null);
      return void whole.add(id);
    }
    whole.delete(id);
    const failovers = await fleet.inventory.failovers.listUnfinished();
    // When it is over its host is on again, and has all the time to come back.
    if (failovers.some(({ clusterId }) => clusterId === id)) return since.forget(view);
    if (silence.kind === 'majority') {
      const loss = await judgeMajority(fleet, view, silence, (node) => since.isOver(view, node), steps.recover);
      return loss ? replacements.tell(id, loss) : undefined;
    }
    if (silence.kind === 'none') return tellDown(fleet, since, look);
    const lost = await lostOf(fleet, silence.nodes, view, since);
    if (lost.length === 0) return;
    const next = await nextOf(fleet, lost, look);
    if (next.kind === 'refused') return replacements.tell(id, next.loss);
    if (next.kind === 'replace') return replace(fleet, view, next.node, steps);
    await tellDown(fleet, since, look);
  };
  return {
    look(clusters) {
      const seen = clusters.map(whatIsSeen);
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

const whatIsSeen = (heard: HeardCluster): Omit<Look, 'silentNow'> => ({
  view: heard.view,
  silence: silenceOf(heard.heartbeats(), heard.gatewayHeartbeats()),
  states: statesOf(heard.heartbeats()),
});

function replace(fleet: Fleet, view: ClusterView, node: NodeName, steps: HealingSteps): Promise<void> {
  const { role } = reachableNode(view, node);
  const summary = `${node}, which answers nobody any more`;
  return orderByItself(fleet, view, { kind: 'replace-node', node, summary, steps: steps[role] });
}

async function tellDown(fleet: Fleet, since: Silences, { view, states }: Look): Promise<void> {
  const down = downIn(states).filter((node) => since.isOver(view, node, ['down']));
  if (down.length === 0) return;
  const loss = postgresDown(view.cluster.name, down, down.length === states.size);
  await fleet.inventory.replacements.tellUnlessBusy(view.cluster.id, loss);
}

/** Their hosts answer. */
const downIn = (states: Look['states']): NodeName[] =>
  [...states].flatMap(([node, state]) => (state === 'down' ? [node] : []));

/** What a node may be that does not serve: silent, while a majority is heard or not, or heard without a PostgreSQL. */
type Absence = Extract<Silence, { nodes: unknown }>['kind'] | 'down';
const SILENT: readonly Absence[] = ['some', 'majority'];

/** Since when nodes are silent, or without a PostgreSQL, without a break, while as many others are heard as now. */
interface Silences {
  keep(seen: readonly Pick<Look, 'view' | 'silence' | 'states'>[]): void;
  /** @param kinds default: it is silent. */
  isOver(view: ClusterView, node: NodeName, kinds?: readonly Absence[]): boolean;
  /** Of a cluster: they begin anew. */
  forget(view: ClusterView): void;
}

function silences(clock: () => number): Silences {
  let since = new Map<string, number>();
  const keyOf = ({ cluster }: ClusterView, kind: Absence, node: NodeName): string =>
    `${hostToken(cluster, node)} ${kind}`;
  return {
    keep(seen) {
      const now = seen.flatMap(({ view, silence, states }) => [
        ...('nodes' in silence ? silence.nodes.map((node) => keyOf(view, silence.kind, node)) : []),
        ...downIn(states).map((node) => keyOf(view, 'down', node)),
      ]);
      // Nobody is called silent before it has been for that long.
      since = new Map(now.map((key) => [key, since.get(key) ?? clock() - STALE_MS]));
    },
    isOver(view, node, kinds = SILENT) {
      const begins = kinds.map((kind) => since.get(keyOf(view, kind, node)) ?? Infinity);
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

type Next =
  | { readonly kind: 'replace'; readonly node: NodeName }
  /** The other data nodes are about to come back, or to take over. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'refused'; readonly loss: Loss };

/** What is done about nodes that are lost: one at a time is replaced. */
async function nextOf(fleet: Fleet, lost: readonly NodeName[], { view, states, silentNow }: Look): Promise<Next> {
  const { cluster, cloud } = view;
  if (cloud.machines) return { kind: 'refused', loss: machineLost(cluster.name, lost) };
  const recent = await fleet.inventory.replacements.listRecent('replace-node', STORM.withinS);
  const last = new Map(recent.flatMap((order) => (order.clusterId === cluster.id ? [[order.node, order]] : [])));
  const left = lost.filter((node) => !isGivenUp(last.get(node)));
  if (left.length === 0) return { kind: 'refused', loss: notReplaced(cluster.name, lost) };
  const clusters = new Set([...silentNow, ...recent.map(({ clusterId }) => clusterId)]);
  if (clusters.size > STORM.clusters) return { kind: 'refused', loss: inStorm(cluster.name, lost, clusters.size) };
  const canGo = (name: NodeName): boolean =>
    !last.get(name)?.hindered && (reachableNode(view, name).role === 'gateway' || lackWithout(name, states) === null);
  const node = left.find(canGo);
  return node === undefined ? { kind: 'wait' } : { kind: 'replace', node };
}

/** One that was hindered is ordered again when the others have had time to come back. */
const isGivenUp = (order: RecentOrder | undefined): boolean =>
  order !== undefined && !order.hindered && (order.state === 'failed' || order.state === 'cancelled');

function tellFailure(error: unknown): void {
  log.warn('a look at silent nodes failed', { error: String(error) });
}
