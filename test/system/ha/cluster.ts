import type { ReachableNode } from '../../../activities/fleet';
import { hostOf, reachableNode, secretRef, viewCluster } from '../../../activities/fleet';
import { findPrimary, runSql } from '../../../activities/postgres/psql';
import type { SqlText } from '../../../activities/postgres/sql';
import type { ClusterId } from '../../../domain/ids';
import { isId } from '../../../domain/ids';
import type { ClusterDetailAnswer } from '../../../domain/schemas/clusters';
import type { CredentialsAnswer } from '../../../domain/schemas/credentials';
import type { OperationAnswer } from '../../../domain/schemas/operations';
import type { NodeName } from '../../../domain/topology';
import type { Holdfast } from '../../support/holdfast';

/** The one cluster that the tests of this folder look at, and ways to look at it that its user does not have. */
export interface HaCluster {
  readonly holdfast: Holdfast;
  readonly id: ClusterId;
  /** The provision, ended. */
  readonly provision: OperationAnswer;
  readonly cluster: ClusterDetailAnswer;
  readonly credentials: CredentialsAnswer;
  /** In order of their names: data nodes, then gateways. */
  readonly nodes: readonly ReachableNode[];
}

/** Tests get it when they run, because it is made after they are written down. */
export type Ha = () => HaCluster;

export async function lookAt(holdfast: Holdfast, provision: OperationAnswer): Promise<HaCluster> {
  const { clusterId: id } = provision;
  if (!isId('clu', id)) throw new Error(`${id} is no cluster's id`);
  const [cluster, credentials, view] = await Promise.all([
    holdfast.cluster(id),
    holdfast.credentials(id),
    viewCluster(holdfast.fleet, id),
  ]);
  const nodes = view.nodes.map(({ name }) => reachableNode(view, name));
  const [data, gateways] = (['data', 'gateway'] as const).map((role) => nodes.filter((node) => node.role === role));
  return { holdfast, id, provision, cluster, credentials, nodes: [...(data ?? []), ...(gateways ?? [])] };
}

export const dataNodes = ({ nodes }: HaCluster): ReachableNode[] => nodes.filter(({ role }) => role === 'data');

/** The primary of this moment. */
export async function primaryOf({ holdfast: { fleet }, id }: HaCluster): Promise<ReachableNode> {
  return findPrimary(fleet, await viewCluster(fleet, id));
}

/** Runs SQL as superuser through the socket of a data node. */
export async function runAsSuperuser(
  { holdfast: { fleet }, id }: HaCluster,
  node: NodeName,
  statement: SqlText,
  database = 'postgres',
): Promise<string> {
  const view = await viewCluster(fleet, id);
  return runSql(view, hostOf(fleet, view, reachableNode(view, node)), database, statement, 'look as superuser');
}

/** A secret of the cluster, decrypted. */
export async function readSecret({ holdfast: { fleet }, id }: HaCluster, name: string): Promise<string> {
  const { cluster } = await viewCluster(fleet, id);
  return fleet.secrets.read(secretRef(cluster, name));
}

export const hostIdOf = ({ hostId, name }: ReachableNode): string => {
  if (hostId === null) throw new Error(`${name} has no host`);
  return hostId;
};
