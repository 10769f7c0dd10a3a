import { maxConnections } from '../../domain/postgres-settings';
import type { ClusterView } from '../fleet';
import { SYSTEM_ROLES } from '../patroni/hba';
import { POOLER_QUERY } from '../postgres/roles';
import { withoutControls } from '../host/config-text';
import { CA_FILE, certificateFile, keyFile } from '../host/tls-paths';
import type { GatewayPlace } from './haproxy';
import { ON_ITS_OWN } from './haproxy';
import { GATEWAY_PORTS, PGBOUNCER_LOCAL_PORT, PRIMARY_LOCAL_PORT } from './ports';

export const PGBOUNCER_CONFIG_FILE = '/etc/pgbouncer/pgbouncer.ini';
export const PGBOUNCER_USERS_FILE = '/etc/pgbouncer/userlist.txt';

/** PgBouncer behind HAProxy on the gateway itself; it reaches the primary through HAProxy too, so it never looks for it. */
export function pgbouncerConfig(view: ClusterView, place: GatewayPlace = ON_ITS_OWN): string {
  const gateways = view.nodes.filter((node) => node.role === 'gateway').length;
  // Room for direct connections and Holdfast's own stays; gateways share the rest.
  const poolSize = Math.max(5, Math.floor((maxConnections(view.plan) * 0.6) / gateways));
  const settings: Record<string, string | number> = {
    listen_addr: '127.0.0.1',
    listen_port: PGBOUNCER_LOCAL_PORT,
    // Clients come through HAProxy only, and systemd knows the process.
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_user: SYSTEM_ROLES.pooler,
    auth_dbname: 'postgres',
    auth_query: POOLER_QUERY,
    auth_file: PGBOUNCER_USERS_FILE,
    client_tls_sslmode: 'require',
    client_tls_cert_file: certificateFile('pgbouncer'),
    client_tls_key_file: keyFile('pgbouncer'),
    client_tls_protocols: 'secure',
    server_tls_sslmode: 'verify-full',
    server_tls_ca_file: CA_FILE,
    server_tls_protocols: 'secure',
    pool_mode: 'transaction',
    max_client_conn: 2000,
    default_pool_size: poolSize,
    max_db_connections: poolSize,
    max_prepared_statements: 200,
    server_login_retry: 1,
    server_connect_timeout: 5,
    ignore_startup_parameters: 'extra_float_digits,options',
    log_connections: 0,
    log_disconnections: 0,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  return `[databases]\n* = host=127.0.0.1 port=${primaryPortOf(place)}\n\n[pgbouncer]\n${lines.join('')}`;
}

/** Where PgBouncer finds the primary, on its own machine. */
export const primaryPortOf = ({ bindAddress }: GatewayPlace): number =>
  bindAddress === null ? GATEWAY_PORTS.primary : PRIMARY_LOCAL_PORT;

/** `"role" "password"`, with quotes doubled as PgBouncer reads them. */
export function pgbouncerUsers(password: string): string {
  const quote = (text: string): string => `"${withoutControls(text).replaceAll('"', '""')}"`;
  return `${quote(SYSTEM_ROLES.pooler)} ${quote(password)}\n`;
}
