import type { NodeRole } from '../../../domain/topology';
import { ETCD_CLIENT_PORT, ETCD_PEER_PORT } from '../../etcd/config';
import { NODE_EXPORTER_PORT, POSTGRES_EXPORTER_PORT } from '../../exporters/config';
import { GATEWAY_PORTS, PGBOUNCER_LOCAL_PORT, PRIMARY_LOCAL_PORT } from '../../gateway/ports';
import { PATRONI_REST_PORT } from '../../patroni/config';
import { PGBACKREST_PORT } from '../../pgbackrest/config';
import { ASIDE_PORT } from '../../swap/places';

/** PostgreSQL's, on data nodes. */
const POSTGRES_PORT = 5432;

/** Ports of a data node that the other hosts of its cluster connect to. */
export const PEER_PORTS: readonly number[] = [
  POSTGRES_PORT,
  ETCD_CLIENT_PORT,
  ETCD_PEER_PORT,
  PATRONI_REST_PORT,
  PGBACKREST_PORT,
  ASIDE_PORT,
];

const PORTS: Readonly<Record<NodeRole, readonly number[]>> = {
  data: [...PEER_PORTS, NODE_EXPORTER_PORT, POSTGRES_EXPORTER_PORT],
  gateway: [...Object.values(GATEWAY_PORTS), PGBOUNCER_LOCAL_PORT, PRIMARY_LOCAL_PORT, NODE_EXPORTER_PORT],
};

/** Ports that nothing else may listen on, in ascending order. */
export function neededPorts(roles: readonly NodeRole[]): number[] {
  return [...new Set(roles.flatMap((role) => PORTS[role]))].sort((a, b) => a - b);
}
