import { policyInWords } from '../../domain/backup-words';
import { conditionInWords } from '../../domain/clusters';
import { targetInWords } from '../../domain/restore-targets';
import { setInWords } from '../../domain/restored';
import type { ClusterAnswer, ClusterDetailAnswer } from '../../domain/schemas/clusters';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import { bytes, type Format, print, printJson, printList, printOne } from './output';

/** Clusters and what would become of them, for people or as JSON. */

export async function listClusters(format: Format, clusters: readonly ClusterAnswer[]): Promise<void> {
  await printList(format, clusters, {
    name: (item) => item.name,
    plan: (item) => item.spec.plan,
    version: (item) => item.status.postgresqlVersion ?? item.spec.version,
    state: (item) => item.status.state,
    warnings: (item) => warningsOf(item) || '-',
    id: (item) => item.id,
    created: (item) => item.createdAt,
  });
}

/** What somebody should look at; `cluster show` tells more of it. */
const warningsOf = ({ status }: ClusterAnswer): string =>
  status.conditions
    .filter((condition) => conditionInWords(condition) === 'NO')
    .map(({ type }) => type)
    .join(',');

export async function listDeleted(format: Format, clusters: readonly ClusterAnswer[]): Promise<void> {
  await printList(format, clusters, {
    name: (item) => item.name,
    plan: (item) => item.spec.plan,
    version: (item) => item.status.postgresqlVersion ?? item.spec.version,
    id: (item) => item.id,
    deleted: (item) => item.deletedAt,
    'can come back until': (item) => item.restorableUntil,
  });
}

export async function showCluster(format: Format, cluster: ClusterDetailAnswer): Promise<void> {
  const { spec, status, origin, restoredFrom, deletedAt, restorableUntil } = cluster;
  await printOne(format, cluster, {
    name: cluster.name,
    id: cluster.id,
    state: status.state,
    ...(deletedAt !== null && { deleted: deletedAt, 'can come back until': restorableUntil }),
    plan: spec.plan,
    version: status.postgresqlVersion ?? spec.version,
    storage: bytes(spec.storageBytes),
    database: `${spec.database}, owned by ${spec.owner}`,
    'allowed networks': spec.allowedIps.join(', ') || 'the machine of the control plane only',
    'deletion protection': spec.deletionProtection ? 'on' : 'off',
    backups: spec.backups === null ? 'none' : policyInWords(spec.backups),
    ...(status.archiving && { archive: archiveOf(status.archiving) }),
    'last proven restore': cluster.lastProvenRestore && provenOf(cluster.lastProvenRestore),
    ...(origin === null
      ? {}
      : {
          [origin.undeletes ? 'undeleted from' : 'restored from']:
            `${origin.clusterId}, ${targetInWords(origin.target)}`,
        }),
    ...(restoredFrom === null ? {} : { 'made from': setInWords(restoredFrom) }),
    endpoint: status.endpoint?.addresses
      .map((a) => `${a.host} (primary ${a.primaryPort}, replicas ${a.replicaPort}, pooled ${a.pooledPort})`)
      .join(', '),
    operation: cluster.operation?.split('/').at(-1),
    ...Object.fromEntries(
      cluster.nodes.map((node) => [
        `node ${node.name}`,
        `${whatItIs(node)}, ${node.failureDomain}, ${node.privateAddress ?? 'no address yet'}`,
      ]),
    ),
    ...Object.fromEntries(status.conditions.map((c) => [c.type, `${conditionInWords(c)}: ${c.message}`])),
  });
}

const whatItIs = ({ role, state, heardAt }: ClusterDetailAnswer['nodes'][number]): string =>
  state === 'silent' ? `${role}, silent since ${heardAt}` : [role, state ?? []].flat().join(', ');

/** `31 s from a commit to all stores, the newest segment at …; nothing waits (as of …)`. */
function archiveOf({ asOf, lastArchivedAt, lagMs, ...waiting }: NonNullable<Status['archiving']>): string {
  const { oldestWaitingSince, waitingBytes, freeBytes, totalBytes } = waiting;
  const took =
    lagMs === null ? 'nothing was measured yet' : `${Math.round(lagMs / 1000)} s from a commit to all stores`;
  const newest = lastArchivedAt === null ? '' : `, the newest segment at ${lastArchivedAt}`;
  const waits =
    oldestWaitingSince === null
      ? 'nothing waits'
      : `${bytes(waitingBytes)} wait since ${oldestWaitingSince}, ${bytes(freeBytes)} of ${bytes(totalBytes)} are free`;
  return `${took}${newest}; ${waits} (as of ${asOf})`;
}

type Status = ClusterDetailAnswer['status'];

const provenOf = ({ provenAt, target, seconds }: NonNullable<ClusterAnswer['lastProvenRestore']>): string =>
  `${provenAt}: ${targetInWords(target)} in ${Math.round(seconds)} s`;

const SIGNS = { create: '+', change: '~', delete: '-' } as const;

export function showPreview(format: Format, preview: PreviewAnswer): void {
  if (format === 'json') return printJson(preview);
  const { changes, checks, steps } = preview;
  for (const { action, what, detail } of changes) print(`${SIGNS[action]} ${what}: ${detail}`);
  for (const { status, message, fix } of checks)
    print(`${status === 'passed' ? 'ok  ' : 'FAIL'} ${message}${fix === null ? '' : `; ${fix}`}`);
  for (const [index, { title, note }] of steps.entries())
    print(`${String(index + 1).padStart(3)}. ${title}${note === undefined ? '' : `: ${note}`}`);
  print(`impact: ${impactInWords(preview)}`);
}

/** `none; takes about 8 s; 39.00 EUR a month`, `takes about 25 s; loses what was written since …`. */
function impactInWords({ kind, impact, loss, estimatedSeconds, price }: PreviewAnswer): string {
  const words = [
    ...(impact === 'data loss' ? [] : [impact]),
    `takes about ${estimatedSeconds} s`,
    ...(impact === 'data loss' ? [`loses ${loss ?? 'data'}`] : []),
    ...(SWAPS.includes(kind) ? ['nobody can write for some seconds'] : []),
    ...(price === null ? [] : [`${(price.euroCentsPerMonth / 100).toFixed(2)} EUR a month`]),
  ];
  return words.join('; ');
}

/** Old and new data are exchanged while PostgreSQL is stopped. */
const SWAPS: readonly PreviewAnswer['kind'][] = ['restore-in-place', 'rollback'];
