import type { Command } from 'commander';
import type { ClusterDetailAnswer, CreateClusterRequest } from '../../domain/schemas/clusters';
import type { OperationAnswer } from '../../domain/schemas/operations';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import { bytes, type Format, print, printJson, printList, printOne, say } from './output';
import { type Open, type Session, timeoutOption } from './run';

interface CreateOptions extends WaitFlags {
  readonly plan: string;
  readonly version?: string;
  readonly storage?: string;
  readonly database?: string;
  readonly owner?: string;
  readonly allowIp?: string[];
  readonly protect?: boolean;
  readonly preview?: boolean;
}
export interface WaitFlags {
  readonly wait?: boolean;
  readonly timeout: number;
  readonly wanted?: 'succeeded' | 'cancelled';
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

export function withWait(command: Command): Command {
  return command
    .option('-w, --wait', 'follow the operation to its end')
    .addOption(timeoutOption('how long --wait waits'));
}

export function addClusterCommands(program: Command, open: Open): void {
  const cluster = program.command('cluster').description('order, look at and delete clusters');
  addCreate(cluster, open);
  cluster
    .command('list')
    .description('clusters of the project')
    .action(async () => listClusters(await open()));
  cluster
    .command('show <name>')
    .description('a cluster with its nodes and conditions')
    .action(async (name: string) => {
      const { client, format } = await open();
      await showCluster(format, await client.showCluster(name));
    });
  for (const [verb, on] of [
    ['protect', true],
    ['unprotect', false],
  ] as const) {
    cluster
      .command(`${verb} <name>`)
      .description(`switch deletion protection ${on ? 'on' : 'off'}`)
      .action(async (name: string) => {
        const { client, format } = await open();
        await showCluster(format, await client.protectCluster(name, on));
      });
  }
  withWait(cluster.command('delete <name>').description('delete a cluster with all its data'))
    .option('--confirm <name>', 'the name of the cluster, typed again')
    .option('--preview', 'only say what would be done')
    .action(async (name: string, flags: WaitFlags & { confirm?: string; preview?: boolean }) => {
      const session = await open();
      if (flags.preview) return printPreview(session.format, await session.client.previewDelete(name));
      await report(session, await session.client.deleteCluster(name, flags.confirm ?? ''), flags);
    });
}

function addCreate(cluster: Command, open: Open): void {
  withWait(cluster.command('create <name>').description('order a cluster'))
    .requiredOption('-p, --plan <plan>', 'see holdfast plan list')
    .option('--version <major>', 'of PostgreSQL; default: the newest')
    .option('--storage <size>', "such as 20GiB; default: the plan's")
    .option('--database <name>', 'the first database; default: app')
    .option('--owner <name>', 'the role that owns it; default: app')
    .option('--allow-ip <cidr>', 'network that may connect; can be repeated', collect)
    .option('--protect', 'against deletion')
    .option('--preview', 'only say what would be done')
    .action(async (name: string, flags: CreateOptions) => {
      const session = await open();
      const request = requestOf(name, flags);
      if (flags.preview) return printPreview(session.format, await session.client.previewCreate(request));
      await report(session, await session.client.createCluster(request), flags, `holdfast psql ${name}`);
    });
}

/** What was not given is left out: defaults are the API's. Texts are checked there too, hence the wide types. */
function requestOf(
  name: string,
  { plan, version, storage, database, owner, allowIp, protect }: CreateOptions,
): CreateClusterRequest {
  const given = { name, plan, version, storage, database, owner, allowedIps: allowIp, deletionProtection: protect };
  return JSON.parse(JSON.stringify(given)) as CreateClusterRequest;
}

/** Shows the accepted operation, or follows it to its end and says what to do then. */
export async function report(
  { client, format }: Session,
  operation: OperationAnswer,
  flags: WaitFlags,
  next?: string,
): Promise<void> {
  if (!flags.wait) {
    await printOne(format, operation, {
      operation: operation.id,
      kind: operation.kind,
      cluster: operation.clusterName,
      state: operation.state,
    });
    return say(`Follow it: holdfast ops watch ${operation.id}`);
  }
  const { waitFor } = await import('./wait.js');
  await waitFor(client, operation, {
    format,
    timeoutMs: flags.timeout,
    ...(flags.wanted === undefined ? {} : { wanted: flags.wanted }),
  });
  if (format === 'table') print(operation.id);
  if (next !== undefined) say(`Next: ${next}`);
}

async function listClusters({ client, format }: Session): Promise<void> {
  await printList(format, await client.listClusters(), {
    name: (item) => item.name,
    plan: (item) => item.spec.plan,
    version: (item) => item.status.postgresqlVersion ?? item.spec.version,
    state: (item) => item.status.state,
    warnings: (item) => item.status.conditions.filter((condition) => !condition.status).length,
    id: (item) => item.id,
    created: (item) => item.createdAt,
  });
}

async function showCluster(format: Format, cluster: ClusterDetailAnswer): Promise<void> {
  const { spec, status } = cluster;
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
    endpoint: status.endpoint?.addresses
      .map((a) => `${a.host} (primary ${a.primaryPort}, replicas ${a.replicaPort}, pooled ${a.pooledPort})`)
      .join(', '),
    operation: cluster.operation,
    ...Object.fromEntries(
      cluster.nodes.map((node) => [
        `node ${node.name}`,
        `${node.role}, ${node.failureDomain}, ${node.privateAddress ?? 'no address yet'}`,
      ]),
    ),
    ...Object.fromEntries(status.conditions.map((c) => [c.type, `${c.status ? 'yes' : 'NO'}: ${c.message}`])),
  });
}

function printPreview(format: Format, preview: PreviewAnswer): void {
  if (format === 'json') return printJson(preview);
  const { changes, checks, steps, impact, estimatedSeconds, price } = preview;
  for (const { action, what, detail } of changes) print(`${action === 'create' ? '+' : '-'} ${what}: ${detail}`);
  for (const { status, message, fix } of checks)
    print(`${status === 'passed' ? 'ok  ' : 'FAIL'} ${message}${fix === null ? '' : `; ${fix}`}`);
  for (const [index, { title }] of steps.entries()) print(`${String(index + 1).padStart(3)}. ${title}`);
  print(
    `impact: ${impact}; about ${estimatedSeconds} s${price === null ? '' : `; ${(price.euroCentsPerMonth / 100).toFixed(2)} EUR a month`}`,
  );
}
