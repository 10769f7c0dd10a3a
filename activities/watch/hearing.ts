import { log } from '@temporalio/activity';
import type { Heartbeat } from '../../domain/heartbeats';
import type { ClusterId } from '../../domain/ids';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet } from '../fleet';
import { dataNodesOf, gatewaysOf, viewCluster } from '../fleet';
import type { Beat } from '../inventory/heartbeats';
import type { Listener } from './heartbeats';
import { listenTo } from './heartbeats';

/** A cluster whose nodes are listened to. */
export interface HeardCluster {
  readonly view: ClusterView;
  /** Of its data nodes. */
  heartbeats(): Heartbeat[];
  gatewayHeartbeats(): Heartbeat[];
  /** Who was the primary before: it may not be heard any more. Null: that is not known. */
  readonly lastPrimary: NodeName | null;
}

/** All nodes of all clusters that are ready, as they are heard. */
export interface Hearing {
  /** Listens to those that are there now, and to no others. @throws what the inventory does: call it again. */
  follow(): Promise<void>;
  clusters(): HeardCluster[];
  /** Writes down what was heard lately. @throws what the inventory does. */
  record(): Promise<void>;
  stop(): void;
}

/** What is older was written down before. */
const LATELY_MS = 5_000;

/** Nobody is listened to before {@link Hearing.follow} is called. */
export function openHearing(fleet: Fleet): Hearing {
  const { heartbeats } = fleet.inventory;
  const heard = new Map<ClusterId, Listened>();
  const forget = (id: ClusterId): void => {
    heard.get(id)?.listeners.forEach((listener) => listener.stop());
    heard.delete(id);
  };
  return {
    async follow() {
      const there = new Map((await heartbeats.listHeard()).map(({ clusterId, nodes }) => [clusterId, nodes]));
      for (const id of heard.keys()) if (heard.get(id)?.nodes !== there.get(id)) forget(id);
      const fresh = [...there].filter(([id]) => !heard.has(id));
      // One that cannot be listened to keeps nobody from the others.
      for (const [id, nodes] of fresh) {
        const listened = await listen(fleet, nodes, id).catch((error: unknown) => {
          log.warn('a cluster is not listened to', { cluster: id, error: String(error) });
        });
        if (listened) heard.set(id, listened);
      }
    },
    clusters: () => [...heard.values()],
    record: () => heartbeats.record([...heard].flatMap(([clusterId, one]) => beatsOf(clusterId, one))),
    stop: () => [...heard.keys()].forEach(forget),
  };
}

interface Listened extends HeardCluster {
  readonly nodes: string;
  readonly listeners: readonly Listener[];
}

async function listen(fleet: Fleet, nodes: string, id: ClusterId): Promise<Listened> {
  const view = await viewCluster(fleet, id);
  const last = [...(await fleet.inventory.heartbeats.of(id)).values()].filter(({ role }) => role === 'primary');
  const [lastPrimary] = last.sort((a, b) => a.silentMs - b.silentMs);
  const data = dataNodesOf(view).map((node) => listenTo(fleet, view, node));
  const gateways = gatewaysOf(view).map((node) => listenTo(fleet, view, node));
  return {
    nodes,
    view,
    lastPrimary: lastPrimary?.node ?? null,
    listeners: [...data, ...gateways],
    heartbeats: () => data.map((listener) => listener.heartbeat()),
    gatewayHeartbeats: () => gateways.map((listener) => listener.heartbeat()),
  };
}

const beatsOf = (clusterId: ClusterId, cluster: HeardCluster): Beat[] =>
  [...cluster.heartbeats(), ...cluster.gatewayHeartbeats()].flatMap(({ node, role, silentMs }) =>
    role === null || silentMs > LATELY_MS ? [] : [{ clusterId, node, role, silentMs }],
  );
