import type { ClusterNode, StepRef } from '../../domain/clusters';
import { HoldfastError, tellsAbsence } from '../../domain/errors';
import { isMajority } from '../../domain/heartbeats';
import { hostToken } from '../cloud/tokens';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, hostOf, reachableNode } from '../fleet';
import { sh } from '../host/shell';

/**
 * Who of a cluster that is stopped or started as a whole is there. A node whose host is away is done without, as long as a majority of
 * the data nodes is there: the autopilot sees to it when the cluster serves again.
 */

type HostState = 'on' | 'off' | 'gone';

/** As its cloud says. Where nobody can switch it off for sure, one that only is not heard may go on working: it is taken for on. */
export async function hostState(
  { cloud, cluster }: Pick<ClusterView, 'cloud' | 'cluster'>,
  { name }: Pick<ClusterNode, 'name'>,
): Promise<HostState> {
  const host = await cloud.findHost(hostToken(cluster, name));
  if (!host) return 'gone';
  return host.running || !cloud.fences ? 'on' : 'off';
}

/** Those whose hosts are on or, with `orOff`, can be switched on. */
export async function nodesThere<Node extends ClusterNode>(
  view: Pick<ClusterView, 'cloud' | 'cluster'>,
  nodes: readonly Node[],
  orOff: 'orOff' | null = null,
): Promise<Node[]> {
  const states = await Promise.all(nodes.map((node) => hostState(view, node)));
  return nodes.filter((_, i) => states[i] === 'on' || (orOff !== null && states[i] === 'off'));
}

/** @returns null where its host is away. */
export const orNullIfAway = <T>(acting: Promise<T>): Promise<T | null> =>
  acting.catch((error: unknown) => {
    if (tellsAbsence(error)) return null;
    throw error;
  });

type Named = Pick<ClusterNode, 'name'>;

const awayFrom = (view: ClusterView, there: readonly Named[]): NodeName[] =>
  dataNodesOf(view).flatMap(({ name }) => (there.some((node) => node.name === name) ? [] : [name]));

/** etcd and the quorum need so many. */
export function hasMajority(view: ClusterView, there: readonly Named[]): boolean {
  const all = dataNodesOf(view).length;
  return isMajority(all - awayFrom(view, there).length, all);
}

/** @throws NOT_YET. */
export function demandMajority(view: ClusterView, there: readonly Named[]): void {
  if (hasMajority(view, there)) return;
  const what = `No majority of the data nodes is there without ${awayFrom(view, there).join(' and ')}.`;
  throw new HoldfastError('NOT_YET', { what });
}

/** The operation stops or starts the whole cluster: any other one waits for the gateways that it opens or closes. */
export async function isOfWhole({ inventory }: Pick<Fleet, 'inventory'>, at: StepRef): Promise<boolean> {
  const kind = (await inventory.operations.get(at.operationId))?.kind;
  return kind === 'stop' || kind === 'start';
}

/** Nodes of a cluster that say something, whatever their cloud says. */
export async function nodesAnswering(fleet: Fleet, view: ClusterView): Promise<ReachableNode[]> {
  const nodes = (await nodesThere(view, view.nodes)).map(({ name }) => reachableNode(view, name));
  const title = 'see whether the host answers';
  const asked = nodes.map((node) => orNullIfAway(hostOf(fleet, view, node).run(sh`true`, { title })));
  const answers = await Promise.all(asked);
  return nodes.filter((_, i) => answers[i] !== null);
}

export const tellAway = ({ inventory }: Pick<Fleet, 'inventory'>, at: StepRef, away: readonly Named[]): Promise<void> =>
  inventory.operations.recordProgress(
    at.operationId,
    at.stepId,
    `done without ${away.map(({ name }) => name).join(' and ')}, whose host is away`,
  );

/** Does it to a gateway; in a stop or a start not to one that is away, where the cluster has another one. */
export async function orWithout(
  fleet: Pick<Fleet, 'inventory'>,
  at: StepRef,
  view: ClusterView,
  gateway: ClusterNode,
  act: () => Promise<void>,
): Promise<void> {
  if (!(await isOfWhole(fleet, at))) return act();
  if ((await hostState(view, gateway)) !== 'on') return tellAway(fleet, at, [gateway]);
  await act().catch(async (error: unknown) => {
    const others = view.nodes.filter(({ role, name }) => role === 'gateway' && name !== gateway.name);
    if (!tellsAbsence(error) || (await nodesThere(view, others)).length === 0) throw error;
    await tellAway(fleet, at, [gateway]);
  });
}
