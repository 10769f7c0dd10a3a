import type { ClusterId } from '../../domain/ids';
import { HoldfastError } from '../../domain/errors';
import { judgeDisks } from '../../domain/disk-ladder';
import type { Told } from '../../domain/watching';
import { judgeCertificates, judgeGateways, judgeMembers, judgeStandbys } from '../../domain/watching';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, gatewaysOf, viewCluster } from '../fleet';
import type { ReadyCluster } from '../inventory/watching';
import { keepLeaderAway } from './etcd-leader';
import type { DataLook, GatewayLook } from './look-at-nodes';
import { lookAtDataNode, lookAtGateway } from './look-at-nodes';
import { createSegmentTurner } from './waiting-standbys';

/** What the watch keeps in mind of a cluster from look to look. */
interface Memory {
  /** What the look before found, in words. */
  readonly found: readonly string[];
  /** When certificates were asked for. */
  readonly certificatesAtMs: number;
}

const NOTHING: Memory = { found: [], certificatesAtMs: -Infinity };

const CERTIFICATES_MS = 3_600_000;

/** A node with what it said; null: it did not answer. */
export interface Seen<Look> {
  readonly node: ReachableNode;
  readonly look: Look | null;
}

/** Hears of what went wrong with one node, but for one that is silent or away, as others tell. */
export type OnFailure = (error: unknown) => void;

/**
 * Looks at all nodes of a cluster, and writes down what is new: conditions, and what hosts did by themselves. A node that does
 * not answer, or answers what nobody understands, keeps nobody from the others. @throws what the inventory does.
 */
export function createNodeWatch(
  fleet: Fleet,
  signal: AbortSignal,
  onFailure: OnFailure,
): (cluster: ReadyCluster) => Promise<void> {
  const memories = new Map<ClusterId, Memory>();
  const recordActs = createActRecord(fleet, onFailure);
  const help = createHelp(fleet, signal, onFailure);
  return async (cluster) => {
    const { clusterId } = cluster;
    const before = memories.get(clusterId) ?? NOTHING;
    const certificates = Date.now() - before.certificatesAtMs >= CERTIFICATES_MS;
    const asking = { signal, certificates };
    const view = await viewCluster(fleet, clusterId);
    const failed = (error: unknown): void => void (isSilence(error) || signal.aborted || onFailure(error));
    const [data, gateways] = await Promise.all([
      lookAtEach(dataNodesOf(view), (node) => lookAtDataNode(fleet, view, node, asking), failed),
      lookAtEach(gatewaysOf(view), (node) => lookAtGateway(fleet, view, node, asking), failed),
    ]);
    await recordActs(clusterId, data);
    if (!cluster.busy) help(view, data);
    const conditions = [
      ...aboutDisks(cluster, data),
      ...(cluster.busy ? [] : aboutParts(data, gateways)),
      ...aboutCertificates([...data, ...gateways]),
    ];
    memories.set(clusterId, {
      found: conditions.map(wordsOf),
      certificatesAtMs: certificates ? Date.now() : before.certificatesAtMs,
    });
    const told = cluster.told.map(wordsOf);
    const isSure = (one: Told): boolean => AT_ONCE.includes(one.type) || before.found.includes(wordsOf(one));
    const news = conditions.filter((one) => !told.includes(wordsOf(one)) && isSure(one));
    if (news.length > 0) await fleet.inventory.watching.tell(clusterId, news);
  };
}

/** All others must be found twice: what is gone at the next look is a short break, or a command that came late. */
const AT_ONCE: readonly Told['type'][] = ['DiskSpace', 'CertificatesValid'];

const wordsOf = ({ type, reason, message }: Told): string => `${type} ${reason} ${message}`;

/** What the watch does for a cluster beside its looks, which never wait for it. Of each cluster one at a time. */
function createHelp(
  fleet: Fleet,
  signal: AbortSignal,
  onFailure: OnFailure,
): (view: ClusterView, data: readonly Seen<DataLook>[]) => void {
  const turnSegments = createSegmentTurner(fleet);
  const helped = new Set<ClusterId>();
  return (view, data) => {
    const { id } = view.cluster;
    if (helped.has(id)) return;
    helped.add(id);
    void Promise.all([keepLeaderAway(fleet, view, data, signal), turnSegments(view, data)])
      .catch(onFailure)
      .finally(() => helped.delete(id));
  };
}

/** Hands in what hosts did, unless the newest of it was handed in before. */
function createActRecord(
  { inventory }: Pick<Fleet, 'inventory'>,
  onFailure: OnFailure,
): (clusterId: ClusterId, data: readonly Seen<DataLook>[]) => Promise<void> {
  const newest = new Map<string, string>();
  const record = async (clusterId: ClusterId, { node, look }: Seen<DataLook>): Promise<void> => {
    const last = look?.acts.at(-1)?.at;
    const key = `${clusterId} ${node.name}`;
    if (!look || last === undefined || newest.get(key) === last) return;
    await inventory.watching.recordActs(clusterId, node.name, look.acts);
    newest.set(key, last);
  };
  return async (clusterId, data) => {
    // A host may say what no row can hold.
    for (const seen of data) await record(clusterId, seen).catch(onFailure);
  };
}

/** No host answered, or not in time. */
const isSilence = (error: unknown): boolean => error instanceof HoldfastError || error instanceof DOMException;

const lookAtEach = <Look>(
  nodes: readonly ReachableNode[],
  lookAt: (node: ReachableNode) => Promise<Look>,
  onFailure: OnFailure,
): Promise<Seen<Look>[]> =>
  Promise.all(
    nodes.map(async (node) => {
      const look = await lookAt(node).catch((error: unknown) => {
        onFailure(error);
        return null;
      });
      return { node, look };
    }),
  );

/** While no data node answers nobody knows. */
function aboutDisks({ told }: ReadyCluster, data: readonly Seen<DataLook>[]): Told[] {
  const looks = data.flatMap(({ look }) => (look ? [look.disk] : []));
  const before = told.find(({ type }) => type === 'DiskSpace')?.reason ?? null;
  return looks.length === 0 ? [] : [judgeDisks(looks, before)];
}

/** Standbys and etcd as the primary sees them; without one the ports of gateways lead nowhere. */
function aboutParts(data: readonly Seen<DataLook>[], gateways: readonly Seen<GatewayLook>[]): Told[] {
  const primary = data.find(({ look }) => look?.disk.role === 'primary');
  const { standbys, members } = primary?.look ?? {};
  if (!primary || !standbys || !members) return [];
  const others = data.flatMap(({ node }) => (node === primary.node ? [] : [node.name]));
  const replication = judgeStandbys(others, standbys);
  return [
    ...(replication ? [replication] : []),
    judgeMembers(
      data.flatMap(({ node: { name } }) => (members.some((member) => member.node === name) ? [] : [name])),
      data.length,
    ),
    judgeGateways(gateways.map(({ node: { name }, look }) => ({ name, deaf: look?.deaf ?? ['host'] }))),
  ];
}

/** Only those that were asked for, and of nodes that answered. */
function aboutCertificates(nodes: readonly Seen<DataLook | GatewayLook>[]): Told[] {
  const expiries = nodes.flatMap(({ node, look }) =>
    look?.certificateEndsAt ? [{ node: node.name, endsAt: look.certificateEndsAt }] : [],
  );
  return expiries.length === 0 ? [] : [judgeCertificates(expiries, Date.now())];
}
