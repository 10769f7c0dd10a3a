import { policyInWords } from '../../domain/backup-words';
import { targetInWords } from '../../domain/restore-targets';
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
    warnings: (item) => item.status.conditions.filter((condition) => !condition.status).length,
    id: (item) => item.id,
    created: (item) => item.createdAt,
  });
}

export async function showCluster(format: Format, cluster: ClusterDetailAnswer): Promise<void> {
  const { spec, status, origin } = cluster;
  await printOne(format, cluster, {
    name: cluster.name,
    id: cluster.id,
    state: status.state,
    plan: spec.plan,
    version: status.postgresqlVersion ?? spec.version,
    storage: bytes(spec.storageBytes),
    database: `${spec.database}, owned by ${spec.owner}`,
    'allowed networks': spec.allowedIps.join(', ') || 'the machine of the control plane only',
    'deletion protection': spec.deletionProtection ? 'on' : 'off',
    backups: spec.backups === null ? 'none' : policyInWords(spec.backups),
    'last proven restore': cluster.lastProvenRestore && provenOf(cluster.lastProvenRestore),
    ...(origin === null
      ? {}
      : {
          [origin.undeletes ? 'undeleted from' : 'restored from']:
            `${origin.clusterId}, ${targetInWords(origin.target)}`,
        }),
    endpoint: status.endpoint?.addresses
      .map((a) => `${a.host} (primary ${a.primaryPort}, replicas ${a.replicaPort}, pooled ${a.pooledPort})`)
      .join(', '),
    operation: cluster.operation?.split('/').at(-1),
    ...Object.fromEntries(
      cluster.nodes.map((node) => [
        `node ${node.name}`,
        `${node.role}, ${node.failureDomain}, ${node.privateAddress ?? 'no address yet'}`,
      ]),
    ),
    ...Object.fromEntries(status.conditions.map((c) => [c.type, `${c.status ? 'yes' : 'NO'}: ${c.message}`])),
  });
}

const provenOf = ({ provenAt, target, seconds }: NonNullable<ClusterAnswer['lastProvenRestore']>): string =>
  `${provenAt}: ${targetInWords(target)} in ${Math.round(seconds)} s`;

const SIGNS = { create: '+', change: '~', delete: '-' } as const;

export function showPreview(format: Format, preview: PreviewAnswer): void {
  if (format === 'json') return printJson(preview);
  const { changes, checks, steps, impact, estimatedSeconds, price } = preview;
  for (const { action, what, detail } of changes) print(`${SIGNS[action]} ${what}: ${detail}`);
  for (const { status, message, fix } of checks)
    print(`${status === 'passed' ? 'ok  ' : 'FAIL'} ${message}${fix === null ? '' : `; ${fix}`}`);
  for (const [index, { title }] of steps.entries()) print(`${String(index + 1).padStart(3)}. ${title}`);
  print(
    `impact: ${impact}; about ${estimatedSeconds} s${price === null ? '' : `; ${(price.euroCentsPerMonth / 100).toFixed(2)} EUR a month`}`,
  );
}
