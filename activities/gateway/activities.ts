import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodeBeside, gatewaysOf, openNode, secretRef } from '../fleet';
import type { Host, HostFile } from '../host/host';
import type { Services } from '../host/services';
import { rootFile, startServices, stopService } from '../host/services';
import { sh } from '../host/shell';
import { SYSTEM_ROLES } from '../patroni/hba';
import { orWithout } from '../power/there';
import { onFreshHost } from '../replacement/fresh-host';
import { makePassword } from '../secrets/passwords';
import { SECRET_NAMES } from '../secrets/stored-secrets';
import { tlsFiles } from '../secrets/node-certificate';
import { CUT_SESSIONS, CUT_SESSIONS_FILE } from './cut-sessions';
import type { GatewayPlace } from './haproxy';
import { ALLOWED_IPS_FILE, allowedIpsFile, HAPROXY_CONFIG_FILE, haproxyConfig, ON_ITS_OWN } from './haproxy';
import { KEEPALIVED_CONFIG_FILE, keepalivedConfig } from './keepalived';
import { PGBOUNCER_CONFIG_FILE, PGBOUNCER_USERS_FILE, pgbouncerConfig, pgbouncerUsers } from './pgbouncer';

export interface GatewayActivities {
  /**
   * Makes a gateway forward: HAProxy, PgBouncer and, where the address floats, keepalived. Does not need PostgreSQL to
   * be there yet. A start of the whole cluster does without one that is away. Idempotent: a service is restarted only when one of its files
   * changed. Retry: `remote`. Effects: certificates, configuration and services on the host; those of {@link onFreshHost}. Undo: deleteHost.
   */
  openGateway(at: StepRef, node: NodeName): Promise<void>;
  /**
   * Nobody gets through any more, and nothing of it starts after a boot: the address goes first. Idempotent. Retry: `remote`.
   * Effects: services on the host. Undo: {@link GatewayActivities.openGateway}.
   */
  closeGateway(at: StepRef, node: NodeName): Promise<void>;
}

export function createGatewayActivities(fleet: Fleet): GatewayActivities {
  return {
    async openGateway(at, name) {
      const { view, node, host } = await openNode(fleet, at, name);
      const open = async (): Promise<void> => startServices(host, await gatewayServices(fleet, view, node, host));
      await orWithout(fleet, at, view, node, () => onFreshHost(fleet, at, name, open));
    },

    async closeGateway(at, name) {
      const { view, node, host } = await openNode(fleet, at, name);
      const services = view.network?.floatingAddress
        ? ['keepalived', 'haproxy', 'pgbouncer']
        : ['haproxy', 'pgbouncer'];
      await orWithout(fleet, at, view, node, async () => {
        for (const service of services) await stopService(host, service);
      });
    },
  };
}

/** The files of each service, in the order in which they start: the address comes last, when all behind it answers. */
export async function gatewayServices(
  fleet: Fleet,
  view: ClusterView,
  node: ReachableNode,
  host: Host,
): Promise<Services> {
  const place = placeOf(view, node);
  const [tls, password] = await Promise.all([
    // Debian's PgBouncer runs as postgres.
    tlsFiles(fleet, view, node, { pgbouncer: 'postgres:postgres' }),
    fleet.secrets.ensure(secretRef(view.cluster, SECRET_NAMES.role(SYSTEM_ROLES.pooler)), makePassword),
  ]);
  const pgbouncer: HostFile[] = [
    ...tls,
    rootFile(PGBOUNCER_CONFIG_FILE, pgbouncerConfig(view, place)),
    { path: PGBOUNCER_USERS_FILE, content: pgbouncerUsers(password), mode: 0o600, owner: 'postgres:postgres' },
  ];
  const haproxy = [
    rootFile(ALLOWED_IPS_FILE, allowedIpsFile(view)),
    rootFile(CUT_SESSIONS_FILE, CUT_SESSIONS),
    rootFile(HAPROXY_CONFIG_FILE, haproxyConfig(view, place)),
  ];
  const network = view.network;
  if (!network?.floatingAddress) return { pgbouncer, haproxy };
  const prefixLength = Number(network.cidr.split('/')[1]);
  const device = view.cloud.machines ? await interfaceOf(host, node) : 'eth0';
  const vrrp = keepalivedConfig(network.floatingAddress, prefixLength, node, gatewaysOf(view), device);
  return { pgbouncer, haproxy, keepalived: [rootFile(KEEPALIVED_CONFIG_FILE, vrrp)] };
}

/** @throws CLOUD_REFUSED for a gateway beside a data node that has no address of its own to serve on. */
export function placeOf(view: ClusterView, node: ReachableNode): GatewayPlace {
  if (!dataNodeBeside(view, node)) return ON_ITS_OWN;
  const bindAddress = view.network?.floatingAddress;
  if (bindAddress) return { bindAddress };
  const detail = `${node.name} shares its machine with a data node and has no floating address`;
  throw new HoldfastError('CLOUD_REFUSED', { cloud: view.cloud.name, verb: 'open a gateway', detail });
}

/** Machines of users call their network interfaces as they like. */
async function interfaceOf(host: Host, node: ReachableNode): Promise<string> {
  const shown = await host.run(sh`ip -o -4 address show to ${node.privateAddress}`, { title: 'find the interface' });
  const name = /^\d+: (\S+)/.exec(shown)?.[1];
  if (name === undefined)
    throw new HoldfastError('NOT_YET', { what: `No interface of ${host.label} has its address.` });
  return name;
}
