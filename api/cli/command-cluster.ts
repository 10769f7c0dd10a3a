import { type Command, Option } from 'commander';
import type { CreateClusterRequest } from '../../domain/schemas/clusters';
import { type BackupFlags, backupsOf, withBackups } from './backup-options';
import { removeCa } from './ca-files';
import { toType } from './called-as';
import { listClusters, listDeleted, showCluster, showPreview } from './cluster-text';
import { describe } from './help';
import { print, printJson } from './output';
import { report, type WaitFlags, withWait } from './report';
import type { Open } from './run';

interface CreateOptions extends WaitFlags, BackupFlags {
  readonly plan: string;
  readonly cloud?: string;
  readonly version?: string;
  readonly storage?: string;
  readonly database?: string;
  readonly owner?: string;
  readonly allowIp?: string[];
  readonly protect?: boolean;
  readonly preview?: boolean;
}

export const CLUSTER = 'Name or id of the cluster.';

/** The option of lists that can be long. */
export const NEWEST = ['--limit <number>', 'Only the newest so many; all of them by default.', Number] as const;

export const collect = (value: string, before: string[] = []): string[] => [...before, value];

export function addClusterCommands(program: Command, open: Open): void {
  const cluster = describe(program.command('cluster'), 'Order, look at and delete clusters.', 'cluster list');
  addCreate(cluster, open);
  addList(cluster, open);
  describe(cluster.command('show'), 'Show a cluster with its nodes and conditions.', 'cluster show orders')
    .argument('<cluster>', CLUSTER)
    .action(async (name: string) => {
      const { client, format, settings } = await open();
      const found = await client.showCluster(name);
      if (found.deletedAt !== null) removeCa(settings.caFolder, found.id);
      await showCluster(format, found);
    });
  addProtection(cluster, open);
  addPower(cluster, open);
  addDelete(cluster, open);
  addUndelete(cluster, open);
}

function addList(cluster: Command, open: Open): void {
  describe(
    cluster.command('list'),
    'List the clusters of the project.',
    'cluster list',
    'cluster list -o json',
    'cluster list --deleted',
  )
    .option('--drills', 'Also those that are made for drills, and thrown away.')
    .addOption(
      new Option('--deleted', 'Instead, those that were deleted and can still be undeleted or restored.').conflicts(
        'drills',
      ),
    )
    .action(async ({ drills = false, deleted = false }: { drills?: boolean; deleted?: boolean }) => {
      const { client, format } = await open();
      if (deleted) return listDeleted(format, await client.listDeletedClusters());
      await listClusters(format, await client.listClusters(drills));
    });
}

function addProtection(cluster: Command, open: Open): void {
  const verbs = [
    ['protect', true, 'Refuse to delete a cluster until it is unprotected.'],
    ['unprotect', false, 'Let a cluster be deleted again.'],
  ] as const;
  for (const [verb, on, sentence] of verbs) {
    describe(cluster.command(verb), sentence, `cluster ${verb} orders`)
      .argument('<cluster>', CLUSTER)
      .action(async (name: string) => {
        const { client, format } = await open();
        const cluster = await client.protectCluster(name, on);
        if (format === 'json') return printJson(cluster);
        print(`${cluster.name} is ${on ? 'protected against deletion' : 'no longer protected against deletion'}.`);
      });
  }
}

function addPower(cluster: Command, open: Open): void {
  const verbs = [
    ['stop', 'Stop a cluster; its data stays on its hosts, and it can be started again.'],
    ['start', 'Start a cluster that is stopped; it serves at the same endpoint.'],
  ] as const;
  for (const [verb, sentence] of verbs) {
    const command = describe(
      cluster.command(verb),
      sentence,
      `cluster ${verb} orders --preview`,
      `cluster ${verb} orders --wait`,
    )
      .argument('<cluster>', CLUSTER)
      .option('--preview', 'Only say what would be done.');
    withWait(command).action(async (name: string, flags: WaitFlags & { preview?: boolean }) => {
      const session = await open();
      if (flags.preview) return showPreview(session.format, await session.client.previewPower(name, verb));
      const next = verb === 'stop' ? `cluster start ${name}` : `psql ${name}`;
      await report(session, await session.client.setPower(name, verb), flags, toType(next));
    });
  }
}

function addDelete(cluster: Command, open: Open): void {
  const command = describe(
    cluster.command('delete'),
    'Delete a cluster with all its data.',
    'cluster delete orders --preview',
    'cluster delete orders --confirm orders --wait',
  )
    .argument('<cluster>', CLUSTER)
    .option('--confirm <cluster>', 'Type the name of the cluster again: without it nothing is deleted.')
    .option('--preview', 'Only say what would be done.');
  withWait(command).action(async (name: string, flags: WaitFlags & { confirm?: string; preview?: boolean }) => {
    const session = await open();
    if (flags.preview) return showPreview(session.format, await session.client.previewDelete(name));
    await report(session, await session.client.deleteCluster(name, flags.confirm ?? ''), flags);
  });
}

function addUndelete(cluster: Command, open: Open): void {
  const command = describe(
    cluster.command('undelete'),
    'Bring a deleted cluster back under its name, with its last state, for seven days after its deletion.',
    'cluster undelete orders --preview',
    'cluster undelete clu_01m7xfpycdf6dnev2ndz8p0wht --wait',
  )
    .argument('<cluster>', 'Id of the deleted cluster, or its name: then the one that was deleted last.')
    .option('--preview', 'Only say what would be done.');
  withWait(command).action(async (name: string, flags: WaitFlags & { preview?: boolean }) => {
    const session = await open();
    if (flags.preview) return showPreview(session.format, await session.client.previewUndelete(name));
    const operation = await session.client.undeleteCluster(name);
    await report(session, operation, flags, toType(`psql ${operation.clusterName}`));
  });
}

function addCreate(cluster: Command, open: Open): void {
  const command = describe(
    cluster.command('create'),
    'Order a cluster.',
    'cluster create orders --plan ha-s --wait',
    'cluster create try --plan sandbox --version 17 --allow-ip 203.0.113.0/24 --preview',
    'cluster create orders --plan ha-s --backup-sites primary,offsite --wait',
  )
    .argument('<name>', 'Name of the new cluster, unique in its project.')
    .requiredOption('-p, --plan <plan>', `Topology and size: ${toType('plan list')} shows them all.`)
    .option('--cloud <cloud>', 'Where its hosts come from: docker (the default), or static (machines that you have).')
    .option('--version <major>', 'Major version of PostgreSQL; the newest by default.')
    .option('--storage <size>', "Storage of each data node, such as 20GiB; the plan's by default.")
    .option('--database <name>', 'Name of the first database; app by default.')
    .option('--owner <name>', 'Name of the role that owns that database; app by default.')
    .option('--allow-ip <cidr>', 'Network that may connect, such as 203.0.113.0/24; can be repeated.', collect)
    .option('--protect', 'Refuse to delete the cluster until it is unprotected.')
    .option('--preview', 'Only say what would be done.');
  withWait(withBackups(command)).action(async (name: string, flags: CreateOptions) => {
    const session = await open();
    const request = requestOf(name, flags);
    if (flags.preview) return showPreview(session.format, await session.client.previewCreate(request));
    await report(session, await session.client.createCluster(request), flags, toType(`psql ${name}`));
  });
}

/** What was not given is left out: defaults are the API's. Texts are checked there too, hence the wide types. */
function requestOf(name: string, flags: CreateOptions): CreateClusterRequest {
  const { plan, cloud, version, storage, database, owner, allowIp, protect } = flags;
  const given = {
    name,
    plan,
    cloud,
    version,
    storage,
    database,
    owner,
    allowedIps: allowIp,
    deletionProtection: protect,
    backups: backupsOf(flags),
  };
  return JSON.parse(JSON.stringify(given)) as CreateClusterRequest;
}
