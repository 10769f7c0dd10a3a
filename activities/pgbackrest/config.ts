import type { BackupParameters, BackupPolicy, Timeline } from '../../domain/backups';
import type { SiteName } from '../../domain/sites';
import type { ClusterView, ReachableNode } from '../fleet';
import { dataNodesOf, otherDataNodes, processesOn } from '../fleet';
import { plainWord, withoutControls } from '../host/config-text';
import { CA_FILE, certificateFile, keyFile } from '../host/tls-paths';
import { dataDirectory, SOCKET_FOLDER } from '../postgres/paths';
import type { Credentials, StoragePlace } from '../storage/storage';

/** The files of pgBackRest on a data node. Options: https://pgbackrest.org/configuration.html */

const FOLDER = '/etc/pgbackrest';
/** Belongs to `postgres`. */
export const SPOOL = '/var/spool/pgbackrest';
/** What PostgreSQL fetches log with and stores are looked into with: it knows of its own node only, as archive-get demands. */
export const ARCHIVE_CONFIG_FILE = `${FOLDER}/pgbackrest.conf`;
/**
 * What PostgreSQL archives into one site with. Each has its own: pgBackRest ends a run at the first segment that failed, so that
 * with all of them in one file the sites that are well would wait for one that is away.
 */
export const pushConfigFile = (site: SiteName): string => `${PUSH_CONFIG}${plainWord(site)}.conf`;
/** Where pgBackRest keeps in mind which of the segments that wait the site has. */
export const pushSpool = (site: SiteName): string => `${PUSH_SPOOL}${plainWord(site)}`;
/** What these names begin with, for shells. */
export const PUSH_CONFIG = `${FOLDER}/push-`;
export const PUSH_SPOOL = `${SPOOL}/push-`;
/** Folders of what whoever pushes holds meanwhile begin with this. */
export const PUSH_LOCKS = '/tmp/pgbackrest-push-';
/** What backups are taken with: it knows of all data nodes, because a replica's backup begins and ends on the primary. */
export const BACKUP_CONFIG_FILE = `${FOLDER}/backup.conf`;
/** What a new cluster is restored with: the stores of another one. */
export const RESTORE_CONFIG_FILE = `${FOLDER}/restore.conf`;
/** What a stanza is made with: it knows of the stores that have none. Not there when that is done. */
export const stanzaConfigFile = (operationId: string): string => `${FOLDER}/stanza-${plainWord(operationId)}.conf`;
/** Where the nodes of a cluster reach one another's pgBackRest, over TLS. */
export const PGBACKREST_PORT = 8432;

/** Where backups of one lineage lie, and what opens them. */
export interface Lineage {
  readonly timeline: Timeline;
  /** In order: the first is repository 1. */
  readonly repositories: readonly Repository[];
  readonly passphrase: string;
}

export interface Repository {
  readonly place: StoragePlace;
  readonly credentials: Credentials;
}

export const siteCaFile = (site: string): string => `/etc/holdfast/sites/${plainWord(site)}.crt`;

/** See {@link ARCHIVE_CONFIG_FILE}. */
export function archiveConfig(view: ClusterView, lineage: Lineage): string {
  return sections({
    global: { ...common(lineage, view.cluster.spec.backups), ...archiving, ...server(view, lineage) },
    [lineage.timeline.id]: ownNode(view),
  });
}

/** See {@link pushConfigFile}. The repository has the number that it has everywhere: what pgBackRest says of it tells the site. */
export function pushConfig(view: ClusterView, lineage: Lineage, site: SiteName): string {
  return sections({
    global: {
      ...common(lineage, null, (place) => place.site === site),
      ...archiving,
      // It waits twice so long for a store that is away.
      'io-timeout': 5,
      'spool-path': pushSpool(site),
      'lock-path': `${PUSH_LOCKS}${plainWord(site)}`,
    },
    [lineage.timeline.id]: ownNode(view),
  });
}

/** See {@link BACKUP_CONFIG_FILE}. */
export function backupConfig(view: ClusterView, node: ReachableNode, lineage: Lineage): string {
  const others = otherDataNodes(view, node.name);
  const peers = others.map((other, i) => peer(view, other, i + 2));
  return sections({
    // While another store is away PostgreSQL tries to archive once a minute only.
    global: { ...common(lineage, view.cluster.spec.backups), ...archiving, 'archive-timeout': 300 },
    [lineage.timeline.id]: joined([ownNode(view), ...peers]),
  });
}

/**
 * A store that hangs is waited for six times so long: three tries for each of two files (pgBackRest 2.60). Segments are fetched many at a
 * time, so that this happens seldom; it does so for each file that is not there, too.
 */
const PATIENCE = {
  'global:restore': { 'io-timeout': 10 },
  'global:archive-get': { 'archive-async': 'y', 'io-timeout': 2 },
} as const;

/** What the data beside the old is restored with. */
export const ASIDE_CONFIG_FILE = `${FOLDER}/aside.conf`;

/**
 * As {@link restoreConfig}, of the cluster's own lineage into another folder. What archives there at the same time has locks
 * and a spool of its own.
 */
export function asideConfig(view: ClusterView, lineage: Lineage, folder: string): string {
  return sections({
    global: {
      ...common(lineage, null),
      'process-max': processesOn(view),
      'spool-path': `${SPOOL}/aside`,
      'lock-path': '/tmp/pgbackrest-aside',
    },
    ...PATIENCE,
    [lineage.timeline.id]: { 'pg1-path': folder },
  });
}

/** See {@link RESTORE_CONFIG_FILE}. */
export function restoreConfig(view: ClusterView, source: Lineage): string {
  return sections({
    global: { ...common(source, null), 'process-max': processesOn(view) },
    ...PATIENCE,
    [source.timeline.id]: { 'pg1-path': dataDirectory(view.cluster.spec.version) },
  });
}

/** What a machine without Holdfast restores with: see infra/rescue/rescue.sh. */
export const rescueConfigFile = `${FOLDER}/rescue.conf`;

/** See {@link rescueConfigFile}. Where the data goes is the machine's own business. */
export function rescueConfig(source: Lineage): string {
  return sections({ global: { ...common(source, null), 'process-max': 2 } });
}

/** See {@link stanzaConfigFile}. */
export function stanzaConfig(view: ClusterView, lineage: Lineage): string {
  return sections({ global: common(lineage, null), [lineage.timeline.id]: ownNode(view) });
}

/** An option that may be given several times has a list. */
type Value = string | number | readonly string[];
type Options = Readonly<Record<string, Value>>;

/** How backups are taken by {@link backupConfig}: also told of each of them. */
export const BACKUP_PARAMETERS: BackupParameters = {
  compressType: 'zst',
  cipherType: 'aes-256-cbc',
  bundle: true,
  block: true,
  processMax: 2,
};
const yes = (wanted: boolean): 'y' | 'n' => (wanted ? 'y' : 'n');

/** Errors and progress go to whoever runs it: files of its own would fill a disk that nobody reads. */
const QUIET = { 'log-level-console': 'info', 'log-level-file': 'off' } as const;

function common(
  { repositories, passphrase }: Lineage,
  policy: BackupPolicy | null,
  isUsed: (place: StoragePlace) => boolean = () => true,
): Options {
  const each = repositories.flatMap((repository, i) =>
    isUsed(repository.place) ? [repositoryOptions(repository, i + 1, passphrase, policy)] : [],
  );
  return joined([
    {
      ...QUIET,
      'compress-type': BACKUP_PARAMETERS.compressType,
      'start-fast': 'y',
      'spool-path': SPOOL,
    },
    // A store that hangs is given up, and tried again.
    { 'io-timeout': 20, 'archive-timeout': 60 },
    ...each,
  ]);
}

/** Two segments at a time to each store. */
const archiving = { 'archive-async': 'y', 'process-max': BACKUP_PARAMETERS.processMax } as const;

function repositoryOptions(
  { place, credentials }: Repository,
  number: number,
  passphrase: string,
  policy: BackupPolicy | null,
): Options {
  const endpoint = new URL(place.hostEndpoint);
  const options = {
    type: 's3',
    path: place.path,
    's3-endpoint': endpoint.hostname,
    's3-bucket': place.bucket,
    's3-region': place.region,
    's3-uri-style': place.pathStyle ? 'path' : 'host',
    's3-key': credentials.accessKey,
    's3-key-secret': credentials.secretKey,
    'storage-port': Number(endpoint.port || 443),
    'storage-verify-tls': 'y',
    'cipher-type': BACKUP_PARAMETERS.cipherType,
    'cipher-pass': passphrase,
    bundle: yes(BACKUP_PARAMETERS.bundle),
    block: yes(BACKUP_PARAMETERS.block),
    ...(place.caPem !== null && { 'storage-ca-file': siteCaFile(place.site) }),
    ...(policy && {
      'retention-full-type': policy.retention.unit === 'days' ? 'time' : 'count',
      'retention-full': policy.retention.full,
    }),
  };
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [`repo${number}-${name}`, value]));
}

function ownNode(view: ClusterView): Options {
  return { 'pg1-path': dataDirectory(view.cluster.spec.version), 'pg1-socket-path': SOCKET_FOLDER };
}

function peer(view: ClusterView, node: ReachableNode, number: number): Options {
  const at = `pg${number}-host`;
  return {
    [at]: node.privateAddress,
    [`${at}-type`]: 'tls',
    [`${at}-port`]: PGBACKREST_PORT,
    [`${at}-ca-file`]: CA_FILE,
    [`${at}-cert-file`]: certificateFile('pgbackrest'),
    [`${at}-key-file`]: keyFile('pgbackrest'),
    [`pg${number}-path`]: dataDirectory(view.cluster.spec.version),
    [`pg${number}-socket-path`]: SOCKET_FOLDER,
  };
}

/** Only the other data nodes of the same cluster are let in, each by its certificate. */
function server(view: ClusterView, { timeline }: Lineage): Options {
  const nodes = dataNodesOf(view);
  if (nodes.length === 1) return {};
  return {
    'tls-server-address': '*',
    'tls-server-port': String(PGBACKREST_PORT),
    'tls-server-ca-file': CA_FILE,
    'tls-server-cert-file': certificateFile('pgbackrest'),
    'tls-server-key-file': keyFile('pgbackrest'),
    'tls-server-auth': nodes.map((node) => `${node.name}.${view.cluster.name}=${timeline.id}`),
  };
}

const joined = (parts: readonly Options[]): Options =>
  Object.fromEntries(parts.flatMap((part) => Object.entries(part)));

/** pgBackRest reads a value up to the end of its line; an option with several values stands there several times. */
function sections(parts: Readonly<Record<string, Options>>): string {
  return Object.entries(parts)
    .map(([name, options]) => `[${name}]\n${Object.entries(options).flatMap(optionLines).join('')}`)
    .join('\n');
}

function optionLines([name, value]: [string, Value]): string[] {
  const values = typeof value === 'object' ? value : [String(value)];
  return values.map((text) => `${name}=${withoutControls(text)}\n`);
}
