import { readFileSync } from 'node:fs';
import { secretRef, viewCluster } from '../../../activities/fleet';
import { HOUSEKEEPING_SCHEDULE, SCHEDULED_WORKFLOWS, WATCH_WORKFLOW } from '../../../domain/names';
import type { Holdfast } from '../../support/holdfast';
import { decodedPayloads } from '../../system/canary/places';
import { demandSuccess, runOn } from '../../system/support/image-tools';
import type { Place, Secret } from '../../system/support/secret-search';
import { secretsOf } from '../../system/support/secret-search';
import type { HaCluster } from '../../system/support/ha-cluster';
import { hostIdOf } from '../../system/support/ha-cluster';

/** All secrets of the cluster and of the installation, in clear. */
export async function allSecrets({ holdfast, id }: HaCluster): Promise<Secret[]> {
  const { fleet, database, home, token } = holdfast;
  const { cluster } = await viewCluster(fleet, id);
  const rows = await database.query<{ name: string }>('select name from secrets where cluster_id = $1', [id]);
  const ofCluster = await Promise.all(
    rows.map(async ({ name }) => secretsOf(name, await fleet.secrets.read(secretRef(cluster, name)))),
  );
  return [
    ...ofCluster.flat(),
    ...secretsOf('API token', token),
    ...secretsOf('master key', readFileSync(home.path('key'), 'utf8')),
    ...secretsOf('control key', readFileSync(home.path('ssh', 'control_ed25519'), 'utf8')),
  ];
}

/** Workflows that know of no cluster. The hour of the housekeeping may have come meanwhile. */
const OF_ALL_CLUSTERS = [{ id: HOUSEKEEPING_SCHEDULE, type: SCHEDULED_WORKFLOWS.housekeeping }, WATCH_WORKFLOW];

/** What the control plane keeps and writes: Temporal's histories, logs, the inventory. */
export async function placesOfControlPlane(
  holdfast: Holdfast,
  provision: { id: string; clusterName: string },
): Promise<Place[]> {
  const histories = await readHistories(holdfast);
  return [
    ...histories.map(({ name, text }): Place => {
      const ofAll = OF_ALL_CLUSTERS.find(({ id }) => name.startsWith(id));
      return { name: `history of ${name}`, text, control: ofAll?.type ?? provision.clusterName };
    }),
    { name: 'logs of worker and API', text: holdfast.readLogs(), control: provision.id },
    ...(await readInventory(holdfast, provision)),
  ];
}

/** Every workflow that ever ran, with payloads as text, as they are kept and decoded. */
async function readHistories(holdfast: Holdfast): Promise<{ name: string; text: string }[]> {
  const histories: { name: string; text: string }[] = [];
  for await (const { workflowId, runId } of holdfast.temporal.workflow.list()) {
    const history = await holdfast.temporal.workflow.getHandle(workflowId, runId).fetchHistory();
    histories.push({
      name: workflowId,
      text: [...textsOf(history), ...(await decodedPayloads(holdfast, history))].join('\n'),
    });
  }
  return histories;
}

/** All texts inside a value, however deep; bytes as text. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('utf8')];
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(textsOf);
  return [];
}

async function readInventory(
  { database }: Holdfast,
  { id, clusterName }: { id: string; clusterName: string },
): Promise<Place[]> {
  const tables = await database.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public'`,
  );
  const dumps = tables.map(async ({ name }) => {
    const rows = await database.query<{ row: string }>(`select t::text as row from ${name} t`);
    return rows.map(({ row }) => row).join('\n');
  });
  const sealed = await database.query<{ wrapped_key: Buffer; ciphertext: Buffer }>(
    'select wrapped_key, ciphertext from secrets',
  );
  const bytes = sealed.map(
    ({ wrapped_key, ciphertext }) => `${wrapped_key.toString('latin1')}${ciphertext.toString('latin1')}`,
  );
  const text = (await Promise.all(dumps)).join('\n');
  return [
    { name: 'the inventory', text, control: clusterName },
    { name: 'the operations of the inventory', text, control: id },
    { name: 'what the secret store keeps', text: `ciphertext\n${bytes.join('\n')}`, control: 'ciphertext' },
  ];
}

/** What anybody with access to the engine, or to a shell on a host, can look at without opening a file of the services. */
export async function placesOfHosts({ holdfast, id, nodes }: HaCluster): Promise<Place[]> {
  const places = nodes.map(async (node): Promise<Place[]> => {
    const hostId = hostIdOf(node);
    const inspected = JSON.stringify(await holdfast.docker.getContainer(hostId).inspect());
    const run = async (script: string): Promise<string> => demandSuccess(await runOn(hostId, `${script}\nexit 0\n`));
    return [
      { name: `docker inspect of ${node.name}`, text: inspected, control: id },
      {
        name: `arguments on ${node.name}`,
        text: await run('ps axww -o args'),
        control: node.role === 'data' ? 'patroni' : 'haproxy',
      },
      {
        name: `environments on ${node.name}`,
        text: await run(ENVIRONMENTS),
        control: node.role === 'data' ? 'ETCD_NAME=' : 'LISTEN_FDS=',
      },
      { name: `journal of ${node.name}`, text: await run('journalctl --no-pager -o cat'), control: 'Started' },
    ];
  });
  return (await Promise.all(places)).flat();
}

/** As the very user of each process: in a container root may not look into those of others. */
const ENVIRONMENTS = `
for process in /proc/[0-9]*; do
  user=$(stat -c %U "$process" 2>/dev/null) || continue
  runuser -u "$user" -- cat "$process/environ" 2>/dev/null | tr '\\0' '\\n'
done`;
