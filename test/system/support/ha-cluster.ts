import type Docker from 'dockerode';
import { z } from 'zod';
import type { ReachableNode } from '../../../activities/fleet';
import { hostOf, reachableNode, secretRef, viewCluster } from '../../../activities/fleet';
import { sh } from '../../../activities/host/shell';
import { PATRONI_REST_PORT } from '../../../activities/patroni/config';
import { ETCDCTL } from '../../../activities/patroni/keys';
import { runSql } from '../../../activities/postgres/psql';
import type { SqlText } from '../../../activities/postgres/sql';
import type { ClusterId } from '../../../domain/ids';
import { isId } from '../../../domain/ids';
import type { ClusterDetailAnswer } from '../../../domain/schemas/clusters';
import type { CredentialsAnswer } from '../../../domain/schemas/credentials';
import type { OperationAnswer } from '../../../domain/schemas/operations';
import type { NodeName } from '../../../domain/topology';
import type { OpenFleet } from '../../../workers/fleet';
import type { Holdfast } from '../../support/holdfast';
import type { HoldfastApi } from '../../support/holdfast-api';
import { eventually } from '../../support/eventually';
import type { Patience } from '../../support/eventually';
import { runOn } from './image-tools';
import { send } from './tls-request';

/** A control plane, as its user and its operator have it. */
export interface Insight extends HoldfastApi {
  readonly docker: Docker;
  /** For a look behind the API: inventory, secrets, cloud, hosts. */
  readonly fleet: OpenFleet;
}

/** A cluster of three data nodes and two gateways, and ways to look at it that its user does not have. */
export interface HaCluster<Control extends Insight = Holdfast> {
  readonly holdfast: Control;
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

export async function lookAt<Control extends Insight>(
  holdfast: Control,
  provision: OperationAnswer,
): Promise<HaCluster<Control>> {
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

export const dataNodes = ({ nodes }: HaCluster<Insight>): ReachableNode[] =>
  nodes.filter(({ role }) => role === 'data');
export const gateways = ({ nodes }: HaCluster<Insight>): ReachableNode[] =>
  nodes.filter(({ role }) => role === 'gateway');

const memberSchema = z.object({
  state: z.string(),
  role: z.string(),
  replication_state: z.string().optional(),
  replication: z
    .array(z.object({ application_name: z.string(), state: z.string(), sync_state: z.string() }))
    .default([]),
});
type Member = z.infer<typeof memberSchema>;

/** What the Patroni of a data node says of itself at this moment; null when it does not answer. */
async function memberAt(ha: HaCluster<Insight>, { privateAddress: host }: ReachableNode): Promise<Member | null> {
  const { status, body } = await send({
    host,
    port: PATRONI_REST_PORT,
    path: '/patroni',
    ca: ha.credentials.caCertificate,
  });
  return status === null ? null : (memberSchema.safeParse(JSON.parse(body)).data ?? null);
}

/** The primary of this moment; waits for one. */
export function primaryOf(ha: HaCluster<Insight>): Promise<ReachableNode> {
  return eventually(
    async () => {
      const members = await Promise.all(
        dataNodes(ha).map(async (node) => ({ node, member: await memberAt(ha, node) })),
      );
      return members.find(({ member }) => member?.role === 'primary' && member.state === 'running')?.node;
    },
    { everyMs: 250 },
  );
}

/** Waits until one data node is the primary and all others stream from it and count for its quorum. */
export async function untilInQuorum(ha: HaCluster<Insight>, patience: Patience = {}): Promise<void> {
  await eventually(
    async () => {
      const members = await Promise.all(dataNodes(ha).map((node) => memberAt(ha, node)));
      const primaries = members.filter((member) => member?.role === 'primary');
      const streaming = members.filter(
        (member) => member?.role === 'replica' && member.replication_state === 'streaming',
      );
      const inQuorum =
        primaries[0]?.replication.filter(({ state, sync_state }) => state === 'streaming' && sync_state === 'quorum') ??
        [];
      const all = members.length - 1;
      const whole =
        primaries.length === 1 &&
        streaming.length === all &&
        new Set(inQuorum.map((one) => one.application_name)).size === all;
      return whole;
    },
    { everyMs: 250, ...patience },
  );
}

/** Both replicas count for the quorum, and the services of all gateways run. @param patience for each of them. */
export async function untilWhole(ha: HaCluster<Insight>, patience: Patience = {}): Promise<void> {
  await untilInQuorum(ha, patience);
  for (const gateway of gateways(ha)) {
    await eventually(
      async () => {
        const { exitCode } = await runOn(hostIdOf(gateway), 'systemctl is-active haproxy pgbouncer keepalived\n');
        return exitCode === 0;
      },
      { everyMs: 250, ...patience },
    );
  }
}

/** Runs SQL as superuser through the socket of a data node. */
export async function runAsSuperuser(
  { holdfast: { fleet }, id }: HaCluster<Insight>,
  node: NodeName,
  statement: SqlText,
  database = 'postgres',
): Promise<string> {
  const view = await viewCluster(fleet, id);
  return runSql(view, hostOf(fleet, view, reachableNode(view, node)), database, statement, 'look as superuser');
}

/** A secret of the cluster, decrypted. */
export async function readSecret({ holdfast: { fleet }, id }: HaCluster<Insight>, name: string): Promise<string> {
  const { cluster } = await viewCluster(fleet, id);
  return fleet.secrets.read(secretRef(cluster, name));
}

export const hostIdOf = ({ hostId, name }: ReachableNode): string => {
  if (hostId === null) throw new Error(`${name} has no host`);
  return hostId;
};

/** Makes the etcd of a node the leader of all; it is the leader of now that has to be asked. */
export async function leadEtcd(ha: HaCluster<Insight>, { name }: ReachableNode): Promise<void> {
  const id = sh`$(${ETCDCTL} member list | sed -n ${`s/, started, ${name},.*//p`})`;
  const asked = await Promise.all(
    dataNodes(ha).map((node) => runOn(hostIdOf(node), `${sh`${ETCDCTL} move-leader`} ${id}\n`)),
  );
  expect(asked.map(({ exitCode }) => exitCode)).toContain(0);
}
