import type Docker from 'dockerode';
import { z } from 'zod';
import type { ReachableNode } from '../../../activities/fleet';
import { hostOf, reachableNode, secretRef, viewCluster } from '../../../activities/fleet';
import { sh } from '../../../activities/host/shell';
import { GATEWAY_PORTS } from '../../../activities/gateway/ports';
import { PATRONI_REST_PORT } from '../../../activities/patroni/config';
import { SYSTEM_ROLES } from '../../../activities/patroni/hba';
import { ETCDCTL } from '../../../activities/patroni/keys';
import { binariesOf } from '../../../activities/postgres/paths';
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
import { eventually, untilSuccess } from '../../support/eventually';
import type { Patience } from '../../support/eventually';
import { login } from './endpoint';
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

/** One data node is the primary and all others stream from it and count for its quorum. */
async function isInQuorum(ha: HaCluster<Insight>): Promise<boolean> {
  const members = await Promise.all(dataNodes(ha).map((node) => memberAt(ha, node)));
  const primaries = members.filter((member) => member?.role === 'primary');
  const streaming = members.filter((member) => member?.role === 'replica' && member.replication_state === 'streaming');
  const inQuorum =
    primaries[0]?.replication.filter(({ state, sync_state }) => state === 'streaming' && sync_state === 'quorum') ?? [];
  const all = members.length - 1;
  return (
    primaries.length === 1 &&
    streaming.length === all &&
    new Set(inQuorum.map((one) => one.application_name)).size === all
  );
}

/** Waits until {@link isInQuorum}. */
export async function untilInQuorum(ha: HaCluster<Insight>, patience: Patience = {}): Promise<void> {
  await eventually(() => isInQuorum(ha), { everyMs: 250, ...patience });
}

/** A member answers only what a majority confirms. */
export const ETCD_SERVES = `${sh`${ETCDCTL} endpoint health`}\n`;

/** Its services run, and each port leads to a PostgreSQL that answers. */
function gatewayServes({ cluster }: HaCluster<Insight>): string {
  const isReady = `${binariesOf(cluster.spec.version)}/pg_isready`;
  const asks = Object.values(GATEWAY_PORTS).map(
    (port) => sh`${isReady} -q -h 127.0.0.1 -p ${port} -U ${SYSTEM_ROLES.pooler} -d postgres -t 2`,
  );
  // Of several units at once systemctl says whether any of them is active.
  const runs = ['haproxy', 'pgbouncer', 'keepalived'].map((unit) => sh`systemctl is-active ${unit}`);
  return `${[...runs, ...asks].join(' &&\n')}\n`;
}

/** @throws Error that names what is not whole: all data nodes in the quorum, their etcd, the gateways with all their ports. */
export async function demandWhole(ha: HaCluster<Insight>): Promise<void> {
  if (!(await isInQuorum(ha))) throw new Error('not all data nodes are in the quorum');
  const looks = await Promise.all(
    ha.nodes.map(async (node) => {
      const script = node.role === 'gateway' ? gatewayServes(ha) : ETCD_SERVES;
      const { exitCode, stdout, stderr } = await runOn(hostIdOf(node), script);
      return exitCode === 0 ? [] : [`${node.name}: ${stdout} ${stderr}`.trim()];
    }),
  );
  const ill = looks.flat();
  if (ill.length > 0) throw new Error(`etcd or a gateway does not serve: ${ill.join('; ')}`);
}

/** The gateway that has the endpoint's address at this moment; waits for one. */
export function servingGateway(ha: HaCluster<Insight>): Promise<ReachableNode> {
  const { host } = login(ha.credentials, 'primaryPort');
  return eventually(
    async () => {
      for (const node of gateways(ha)) {
        const { stdout } = await runOn(hostIdOf(node), 'ip -4 -o addr show\n');
        if (stdout.includes(` ${host}/`)) return node;
      }
      return undefined;
    },
    { everyMs: 250 },
  );
}

/** Waits until {@link demandWhole} is content. */
export async function untilWhole(ha: HaCluster<Insight>, patience: Patience = {}): Promise<void> {
  await untilSuccess(() => demandWhole(ha), { everyMs: 250, ...patience });
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

/** Makes the etcd of a node the leader of all; it is the leader of now that has to be asked, and a member that was away may still catch up. */
export async function leadEtcd(ha: HaCluster<Insight>, { name }: ReachableNode): Promise<void> {
  const id = sh`$(${ETCDCTL} member list | sed -n ${`s/, started, ${name},.*//p`})`;
  await eventually(async () => {
    const asked = await Promise.all(
      dataNodes(ha).map((node) => runOn(hostIdOf(node), `${sh`${ETCDCTL} move-leader`} ${id}\n`)),
    );
    return asked.some(({ exitCode }) => exitCode === 0);
  });
}
