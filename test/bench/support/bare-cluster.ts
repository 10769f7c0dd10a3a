import { stringify } from 'yaml';
import { ownerLabels } from '../../../activities/cloud/docker/names';
import { initdbOptions, LEASE, STRICT_QUORUM, syncOptions } from '../../../activities/patroni/config';
import { runCommand } from '../../../infra/local/command';

/**
 * What somebody would make by a script: three hosts of the same golden image with etcd and Patroni on them, the same
 * rules for the quorum, but no TLS, no passwords, no gateways, no exporters, no limits, nothing that is
 * recorded or could go on after a crash. It says how much of our time is PostgreSQL, Patroni and etcd themselves.
 */
export interface BareOptions {
  readonly installId: string;
  readonly home: string;
  /** Id or tag of the golden image. */
  readonly image: string;
  readonly signal: AbortSignal;
}

const NODES = ['bare-1', 'bare-2', 'bare-3'] as const;
const [FIRST] = NODES;
const NETWORK = 'bare';
const MAJOR = '18';

const HOST_OPTIONS = [
  ...['--cap-add', 'SYS_ADMIN', '--cap-add', 'NET_ADMIN'],
  ...['--security-opt', 'seccomp=unconfined', '--security-opt', 'apparmor=unconfined'],
  ...['--tmpfs', '/run', '--tmpfs', '/run/lock', '--tmpfs', '/tmp', '--shm-size', '512m'],
  ...['--cgroupns=host', '-v', '/sys/fs/cgroup:/sys/fs/cgroup:rw', '-v', '/var/lib/postgresql'],
];

/** @returns milliseconds from nothing until all three nodes are in the quorum. */
export async function measureBareCluster(options: BareOptions): Promise<number> {
  await removeBareCluster(options);
  const startedAt = performance.now();
  await docker(options, ['network', 'create', ...labels(options), nameOf(options, NETWORK)]);
  await Promise.all(NODES.map((node) => startHost(options, node)));
  await Promise.all(NODES.map((node) => inHost(options, node, startEtcd(node))));
  await Promise.all(NODES.map((node) => inHost(options, node, startPatroni(node))));
  await inHost(options, FIRST, WAIT_FOR_QUORUM);
  const tookMs = performance.now() - startedAt;
  await removeBareCluster(options);
  return tookMs;
}

/** Removes what a measurement made, or half made. */
export async function removeBareCluster(options: BareOptions): Promise<void> {
  const names = NODES.map((node) => nameOf(options, node));
  await docker(options, ['rm', '--force', '--volumes', ...names], { mayFail: true });
  await docker(options, ['network', 'rm', nameOf(options, NETWORK)], { mayFail: true });
}

async function startHost(options: BareOptions, node: string): Promise<void> {
  const network = ['--network', nameOf(options, NETWORK), '--network-alias', node];
  const name = ['--name', nameOf(options, node), '--hostname', node];
  await docker(options, [
    'run',
    '--detach',
    ...labels(options),
    ...name,
    ...network,
    ...HOST_OPTIONS,
    options.image,
    '/sbin/init',
  ]);
  await inHost(options, node, 'until systemctl show-environment >/dev/null 2>&1; do sleep 0.05; done');
}

const startEtcd = (node: string): string => `cat >/etc/default/etcd <<'EOF'
ETCD_NAME=${node}
ETCD_DATA_DIR=/var/lib/etcd/bare
ETCD_LISTEN_PEER_URLS=http://0.0.0.0:2380
ETCD_LISTEN_CLIENT_URLS=http://0.0.0.0:2379
ETCD_INITIAL_ADVERTISE_PEER_URLS=http://${node}:2380
ETCD_ADVERTISE_CLIENT_URLS=http://${node}:2379
ETCD_INITIAL_CLUSTER=${NODES.map((peer) => `${peer}=http://${peer}:2380`).join(',')}
ETCD_INITIAL_CLUSTER_STATE=new
EOF
systemctl start etcd`;

const startPatroni = (node: string): string => `chown postgres:postgres /var/lib/postgresql
mkdir -p /etc/patroni
cat >/etc/patroni/config.yml <<'EOF'
${patroniConfig(node)}EOF
systemctl start patroni`;

/** Where it matters for the time, as our own. */
function patroniConfig(node: string): string {
  const login = (username: string): object => ({ username, password: 'bare' });
  return stringify({
    scope: 'bare',
    name: node,
    restapi: { listen: '0.0.0.0:8008', connect_address: `${node}:8008` },
    etcd3: { hosts: NODES.map((peer) => `${peer}:2379`) },
    bootstrap: {
      dcs: {
        ...LEASE,
        ...STRICT_QUORUM,
        failsafe_mode: true,
        postgresql: { use_pg_rewind: true, use_slots: true },
      },
      initdb: initdbOptions(MAJOR),
    },
    postgresql: {
      listen: '0.0.0.0:5432',
      connect_address: `${node}:5432`,
      data_dir: `/var/lib/postgresql/${MAJOR}/main`,
      bin_dir: `/usr/lib/postgresql/${MAJOR}/bin`,
      authentication: { superuser: login('postgres'), replication: login('replicator'), rewind: login('rewinder') },
      pg_hba: ['local all all trust', 'host all all all trust', 'host replication all all trust'],
      basebackup: [{ checkpoint: 'fast' }, ...syncOptions(MAJOR)],
    },
  });
}

/** Any node may be first: the one that takes writes has a stream from each of the others. */
const WAIT_FOR_QUORUM = `query="SELECT count(*) = ${NODES.length - 1} FROM pg_stat_replication WHERE sync_state = 'quorum'"
primary="host=${NODES.join(',')} user=postgres dbname=postgres target_session_attrs=read-write"
until [ "$(/usr/lib/postgresql/${MAJOR}/bin/psql -XAtqc "$query" "$primary" 2>/dev/null)" = t ]; do sleep 0.1; done`;

const nameOf = ({ installId }: BareOptions, node: string): string => `holdfast-${installId}-${node}`;

const labels = (options: BareOptions): string[] =>
  Object.entries(ownerLabels(options)).flatMap(([key, value]) => ['--label', `${key}=${value}`]);

/** Gives up on the host itself, so that nothing goes on there when this process is gone. */
const inHost = (options: BareOptions, node: string, script: string): Promise<void> =>
  docker(options, ['exec', '-i', nameOf(options, node), 'timeout', '120', 'sh', '-eu'], { stdin: script });

async function docker(
  { signal }: BareOptions,
  args: readonly string[],
  { stdin = '', mayFail = false }: { stdin?: string; mayFail?: boolean } = {},
): Promise<void> {
  const { exitCode, stderr } = await runCommand('docker', args, { stdin, signal });
  if (exitCode !== 0 && !mayFail)
    throw new Error(`docker ${args[0] ?? ''} ended with exit code ${exitCode}: ${stderr}`);
}
