import type { Major } from '../../domain/clusters';
import { sizeSettings } from '../../domain/postgres-settings';
import type { PostgresSettings } from '../../domain/postgres-settings';
import { ETCD_CLIENT_PORT } from '../etcd/config';
import type { ClusterView, ReachableNode } from '../fleet';
import { dataNodesOf, gatewaysOf } from '../fleet';
import { yamlFile, yamlText } from '../host/config-text';
import type { ShellCommand } from '../host/shell';
import { sh } from '../host/shell';
import { CA_FILE, certificateFile, keyFile } from '../host/tls-paths';
import { binariesOf, DATA_FOLDER, dataDirectory, SOCKET_FOLDER } from '../postgres/paths';
import { hbaLines, identLines, SYSTEM_ROLES } from './hba';
import { archiveWhatWasReceived } from './pre-promote';

export const PATRONI_CONFIG_FILE = '/etc/patroni/config.yml';
export const PATRONI_REST_PORT = 8008;

export interface PatroniPasswords {
  readonly superuser: string;
  readonly replication: string;
  readonly rewind: string;
}

/** What backups have PostgreSQL do. */
export interface Backups {
  /** How a segment of the log is archived, and how a replica that fell behind gets it back. */
  readonly archive: {
    readonly push: ShellCommand;
    readonly get: ShellCommand;
    /** How a new replica gets its data, where that is quicker than from the primary. */
    readonly copy: ShellCommand;
  } | null;
  /** Fills the empty data folder of the first node, in place of initdb. */
  readonly restore: ShellCommand | null;
}

/** Patroni's own file of one data node. What all members share is written into etcd once, from `bootstrap.dcs`. */
export function patroniConfig(
  view: ClusterView,
  node: ReachableNode,
  passwords: PatroniPasswords,
  { archive, restore }: Backups = { archive: null, restore: null },
): string {
  const { cluster } = view;
  const tls = { certfile: certificateFile('patroni'), keyfile: keyFile('patroni') };
  return yamlFile({
    scope: cluster.id,
    namespace: '/holdfast/',
    name: node.name,
    restapi: {
      listen: `0.0.0.0:${PATRONI_REST_PORT}`,
      connect_address: `${node.privateAddress}:${PATRONI_REST_PORT}`,
      ...tls,
      cafile: CA_FILE,
      // Health checks stay open to the gateways; whatever changes something needs a certificate of this cluster.
      verify_client: 'optional',
    },
    ctl: { ...tls, cacert: CA_FILE },
    etcd3: {
      hosts: dataNodesOf(view).map((member) => `${member.privateAddress}:${ETCD_CLIENT_PORT}`),
      protocol: 'https',
      cacert: CA_FILE,
      cert: tls.certfile,
      key: tls.keyfile,
    },
    bootstrap: { dcs: sharedConfig(view, archive), ...firstData(cluster.spec.version, restore) },
    postgresql: {
      ...localPostgres(view, node, passwords),
      ...(archive && {
        recovery_conf: { restore_command: archive.get },
        pre_promote: archiveWhatWasReceived(cluster.spec.version),
        // Data that is there is gone on with; whoever fails leaves it to the next one, which clears it away.
        pgbackrest: { command: archive.copy, keep_data: true },
      }),
      create_replica_methods: archive ? ['pgbackrest', 'basebackup'] : ['basebackup'],
    },
    watchdog: { mode: 'off' },
  });
}

/**
 * Seconds. A leader that was lost is noticed within `ttl`, which Patroni allows no shorter. Within `retry_timeout` a primary that gets no
 * answer from etcd steps down: where the leader of etcd is lost with its host, the others elect one first, which takes them up to five.
 * Patroni wants `loop_wait` and twice `retry_timeout` within `ttl`.
 */
export const LEASE = { ttl: 20, loop_wait: 1, retry_timeout: 9 } as const;

/** A commit is acknowledged when a quorum has it, or not at all. */
export const STRICT_QUORUM = {
  synchronous_mode: 'quorum',
  synchronous_mode_strict: true,
  synchronous_node_count: 1,
} as const;

/**
 * There from the begin of a restore until its data is the primary's, with what systemd calls the run of Patroni that does it.
 * Another run would take what is there for a replica, and forget where the restore was to stop.
 */
export const RESTORE_MARK = `${DATA_FOLDER}/restoring`;

/** A restore says itself where it stops, in settings that Patroni must leave alone. */
function firstData(major: Major, restore: ShellCommand | null): object {
  if (restore === null) return { initdb: initdbOptions(major) };
  const marked = sh`sh -c ${`echo "$INVOCATION_ID" >"$0" && sync -- "$0" && ${restore}`} ${RESTORE_MARK}`;
  return {
    method: 'restore',
    restore: { command: marked, no_params: true, keep_existing_recovery_conf: true },
    // Patroni adds how to connect, which this has no use for.
    post_bootstrap: sh`sh -c ${'rm -f -- "$0"'} ${RESTORE_MARK}`,
  };
}

function sharedConfig({ plan, cluster }: ClusterView, archive: Backups['archive']): object {
  const replicated = plan.topology === 'ha';
  return {
    ...LEASE,
    primary_start_timeout: 0,
    primary_stop_timeout: 30,
    maximum_lag_on_failover: 1_048_576,
    failsafe_mode: true,
    // A single node has nobody to wait for.
    ...(replicated && STRICT_QUORUM),
    postgresql: {
      use_pg_rewind: true,
      use_slots: true,
      parameters: {
        ...FIXED_SETTINGS,
        ...sizeSettings(plan, cluster.spec.storageBytes),
        // Only a restart changes it: a cluster without backups has it too, so that it can get them without one.
        archive_mode: 'on',
        ...archiveSettings(archive),
      },
    },
  };
}

/** What of PostgreSQL's settings, which all members share, says where the log goes; a reload is enough for each of them. */
export const archiveSettings = (archive: Backups['archive']): PostgresSettings & { archive_command: string } =>
  archive
    ? // A commit on an idle database is in the stores a minute later at most, which leaves them ten seconds.
      { archive_timeout: '50s', archive_command: archive.push }
    : // With none at all PostgreSQL would keep its whole log for the time when there is one.
      { archive_command: '/bin/true' };

/**
 * A client whose host lost its power says no farewell, and its locks and its place among the connections would be held for two hours:
 * so long Linux waits before it asks. Asks an idle one after five seconds, and one that has a statement running each five.
 */
const GONE_WITHIN_10_S: PostgresSettings = {
  tcp_keepalives_idle: '5s',
  tcp_keepalives_interval: '1s',
  tcp_keepalives_count: 5,
  tcp_user_timeout: '10s',
  client_connection_check_interval: '5s',
};

const FIXED_SETTINGS: PostgresSettings = {
  ...GONE_WITHIN_10_S,
  wal_level: 'replica',
  wal_log_hints: 'on',
  hot_standby: 'on',
  max_wal_senders: 10,
  max_replication_slots: 10,
  password_encryption: 'scram-sha-256',
  ssl: 'on',
  ssl_ca_file: CA_FILE,
  ssl_cert_file: certificateFile('postgres'),
  ssl_key_file: keyFile('postgres'),
  ssl_min_protocol_version: 'TLSv1.2',
  shared_preload_libraries: 'pg_stat_statements',
  // A host is no bigger than its plan, and its pages are not reserved for PostgreSQL.
  huge_pages: 'off',
  random_page_cost: 1.1,
  effective_io_concurrency: 200,
  checkpoint_completion_target: 0.9,
  // A replica that lost its stream asks again at once: the next failover must not wait for it.
  wal_retrieve_retry_interval: '500ms',
  log_checkpoints: 'on',
  log_connections: 'off',
  log_lock_waits: 'on',
  log_autovacuum_min_duration: '10s',
  log_line_prefix: '%m [%p] %q%u@%d ',
  timezone: 'UTC',
};

/** The same collation on every libc: an index stays valid when the operating system is replaced. */
export function initdbOptions(major: Major): (string | Record<string, string>)[] {
  const common = ['data-checksums', { encoding: 'UTF8' }, { locale: 'C.UTF-8' }];
  if (major === '15') return common;
  return [...common, { 'locale-provider': 'builtin' }, { 'builtin-locale': 'C.UTF-8' }, ...syncOptions(major)];
}

/** One sync of the volume, which is the cluster's own, rather than one for each of a thousand files: as durable. */
export function syncOptions(major: Major): Record<string, string>[] {
  return major === '15' ? [] : [{ 'sync-method': 'syncfs' }];
}

function localPostgres(view: ClusterView, node: ReachableNode, passwords: PatroniPasswords): object {
  const major = view.cluster.spec.version;
  const verified = {
    sslmode: 'verify-full',
    sslrootcert: CA_FILE,
    sslcert: certificateFile('postgres'),
    sslkey: keyFile('postgres'),
  };
  return {
    listen: `${node.privateAddress},127.0.0.1:5432`,
    connect_address: `${node.privateAddress}:5432`,
    use_unix_socket: true,
    use_unix_socket_repl: true,
    data_dir: dataDirectory(major),
    bin_dir: binariesOf(major),
    config_dir: dataDirectory(major),
    pgpass: `${DATA_FOLDER}/.pgpass-patroni`,
    authentication: {
      superuser: { username: SYSTEM_ROLES.superuser, password: yamlText(passwords.superuser) },
      replication: { username: SYSTEM_ROLES.replication, password: yamlText(passwords.replication), ...verified },
      rewind: { username: SYSTEM_ROLES.rewind, password: yamlText(passwords.rewind), ...verified },
    },
    parameters: { unix_socket_directories: SOCKET_FOLDER },
    pg_hba: hbaLines(dataNodesOf(view), gatewaysOf(view)),
    pg_ident: identLines(view.cluster.spec.owner),
    remove_data_directory_on_rewind_failure: true,
    remove_data_directory_on_diverged_timelines: true,
    basebackup: [{ checkpoint: 'fast' }, ...syncOptions(major)],
  };
}
