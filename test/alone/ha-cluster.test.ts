import { operationSchema } from '../../domain/schemas/operations';
import { previewSchema } from '../../domain/schemas/previews';
import { problemSchema } from '../../domain/schemas/problems';
import type { Holdfast } from '../support/holdfast';
import { startHoldfast } from '../support/holdfast';
import { describeAccess } from './ha/access';
import { describeAutopilot } from './ha/autopilot';
import { describeDisk } from './ha/disk';
import type { HaCluster } from '../system/support/ha-cluster';
import { dataNodes, lookAt } from '../system/support/ha-cluster';
import { describeFailures } from './ha/failures';
import { describeInternals } from './ha/internals';
import { describeReplacement } from './ha/replacement';
import { describeMaintenance } from './ha/maintenance';
import { describeSwitchover } from './ha/switchover';
import { describeWatching } from './ha/watching';
import { allSecrets, placesOfControlPlane, placesOfHosts } from './ha/secrecy';
import { watchArgv } from '../system/support/argv';
import { runTool, demandSuccess } from '../system/support/image-tools';
import type { Place, Secret } from '../system/support/secret-search';
import { findSecrets } from '../system/support/secret-search';

jest.setTimeout(300_000);

/** The promise of the main job: one request gives a cluster that keeps what it acknowledged, and keeps its secrets. */

const ORDER = { name: 'orders', plan: 'ha-s', version: '18', deletionProtection: true } as const;
/**
 * Each costs six events of history. The records of steps cost as many, and how many of these there are is a matter of speed: steps
 * that end together have one. `npm run bench engine` counts all events.
 */
const MOST_ACTIVITIES = 25;

let holdfast: Holdfast;
let ha: HaCluster;
let argv: string;
let secrets: Secret[];

beforeAll(async () => {
  holdfast = await startHoldfast();
  const watch = await watchArgv();
  const answer = await holdfast.api('POST', '/v1/clusters', ORDER);
  const operation = await holdfast.succeed(operationSchema.parse(answer.body).id);
  argv = await watch.stop();
  ha = await lookAt(holdfast, operation);
  secrets = await allSecrets(ha);
});
afterAll(() => holdfast.stop());

describe('one order', () => {
  test('is all it takes: every step succeeded and the cluster is ready at its endpoint', () => {
    const { provision, cluster } = ha;
    expect(provision.steps.map(({ state }) => state)).toEqual(provision.steps.map(() => 'succeeded'));
    expect(provision).toMatchObject({ state: 'succeeded', error: null, kind: 'provision' });
    const tookS = (Date.parse(provision.finishedAt ?? '') - Date.parse(provision.createdAt)) / 1000;
    console.log(`POST to ready: ${tookS.toFixed(1)} s`);
    expect(cluster.status.state).toBe('ready');
    expect(cluster.status.postgresqlVersion).toMatch(/^18\.\d+$/);
    const ports = cluster.status.endpoint?.addresses.map(({ host: _host, ...rest }) => rest);
    expect(ports).toEqual([{ primaryPort: 5432, replicaPort: 5433, pooledPort: 6432 }]);
    expect(cluster.operation).toBeNull();
    for (const type of ['Ready', 'FailureDomainsSeparate', 'EndpointAddressFloats']) {
      expect(cluster.status.conditions).toContainEqual(expect.objectContaining({ type, status: true }));
    }
  });

  test('puts three data nodes into three failure domains, and two gateways into two', () => {
    const domains = (role: string): string[] =>
      ha.cluster.nodes.filter((node) => node.role === role).map((node) => node.failureDomain);
    expect(new Set(domains('data')).size).toBe(3);
    expect(new Set(domains('gateway')).size).toBe(2);
    expect(ha.cluster.nodes).toHaveLength(5);
    expect(dataNodes(ha).map(({ privateAddress }) => privateAddress)).not.toContain(
      ha.cluster.status.endpoint?.addresses[0]?.host,
    );
  });

  test(`costs at most ${MOST_ACTIVITIES} activities besides the records of its steps`, async () => {
    const { events } = await holdfast.temporal.workflow.getHandle(ha.provision.id).fetchHistory();
    const activities = (events ?? []).flatMap(
      ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name ?? [],
    );
    const own = activities.filter((name) => name !== 'recordOperation');
    console.log(`history of the provision: ${events?.length ?? 0} events, ${activities.length - own.length} records`);
    expect(own.length).toBeGreaterThan(10);
    expect(own.length).toBeLessThanOrEqual(MOST_ACTIVITIES);
  });
});

describe('access through', () => describeAccess(() => ha));
describe('behind the endpoint', () => describeInternals(() => ha));

describe('no secret stands', () => {
  test('in any history, log or table of the control plane', async () => {
    expect(secrets.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'ca',
        'role/app',
        'role/postgres',
        'role/replicator',
        'role/rewind',
        'role/pgbouncer',
        'certificate/pg-1',
        'ssh-host-key/gw-2',
        'API token',
        'master key',
        'control key',
      ]),
    );
    const places = await placesOfControlPlane(holdfast, ha.provision);
    // The entity and its operation.
    expect(places.filter(({ name }) => name.startsWith('history')).length).toBeGreaterThanOrEqual(2);
    expect(findSecrets(places, secrets)).toEqual([]);
  });

  test('in what the engine tells of a host, nor in its processes, environments and journal', async () => {
    expect(findSecrets(await placesOfHosts(ha), secrets)).toEqual([]);
  });

  test('in the arguments of any process that was seen during the provision', () => {
    const seen: Place = { name: 'arguments during the provision', text: argv, control: 'patroni' };
    expect(findSecrets([seen], secrets)).toEqual([]);
  });
});

describe('switchover', () => describeSwitchover(() => ha));

describe('maintenance', () => describeMaintenance(() => ha));

describe('the autopilot', () => describeAutopilot(() => ha));

describe('the watch', () => describeWatching(() => ha));

describe('a volume that fills', () => describeDisk(() => ha));

describe('power-off of a host', () => describeFailures(() => ha));

describe('replacement', () =>
  describeReplacement(
    () => ha,
    async () => (ha = await lookAt(holdfast, ha.provision)),
  ));

describe('deletion', () => {
  const remove = (confirm: string): ReturnType<Holdfast['api']> =>
    holdfast.api('DELETE', '/v1/clusters/orders', { confirm });
  const residue = () => holdfast.fleet.clouds.docker.listByTags({ 'holdfast.cluster': ha.id });
  /** Files behind the loop devices of the engine's machine. */
  const loopDevices = async (): Promise<string[]> => {
    const files = demandSuccess(await runTool('cat /sys/block/loop*/loop/backing_file 2>/dev/null || true\n'));
    return files.split('\n').filter((file) => file.includes(ha.id));
  };
  const ownedByEngine = async (): Promise<number> => {
    const filters = JSON.stringify({ label: [`holdfast.cluster=${ha.id}`] });
    const [containers, { Volumes }, networks] = await Promise.all([
      holdfast.docker.listContainers({ all: true, filters }),
      holdfast.docker.listVolumes({ filters }),
      holdfast.docker.listNetworks({ filters }),
    ]);
    return containers.length + Volumes.length + networks.length;
  };

  test('is refused while the cluster is protected, and without its name typed', async () => {
    const protectedAnswer = await remove('orders');
    expect([protectedAnswer.status, problemSchema.parse(protectedAnswer.body).code]).toEqual([
      409,
      'DELETION_PROTECTED',
    ]);
    expect((await holdfast.api('PATCH', '/v1/clusters/orders', { deletionProtection: false })).status).toBe(200);
    const mistyped = await remove('order');
    expect([mistyped.status, problemSchema.parse(mistyped.body).code]).toEqual([400, 'CONFIRMATION_MISMATCH']);
    expect((await holdfast.cluster('orders')).status.state).toBe('ready');
  });

  test('leaves no container, volume, network, loop device, file or secret behind, and the name free', async () => {
    // What is counted afterwards can be seen now.
    const kinds = new Set((await residue()).map(({ kind }) => kind));
    const enforced = ha.cluster.status.conditions.some(({ type, status }) => type === 'StorageSizeEnforced' && status);
    expect([...kinds].sort()).toEqual(
      enforced ? ['file', 'host', 'loop device', 'network', 'volume'] : ['host', 'network', 'volume'],
    );
    expect(await loopDevices()).toHaveLength(enforced ? 3 : 0);
    expect(await ownedByEngine()).toBeGreaterThanOrEqual(9);

    await holdfast.succeed(operationSchema.parse((await remove('orders')).body).id);
    expect(await residue()).toEqual([]);
    expect(await loopDevices()).toEqual([]);
    expect(await ownedByEngine()).toBe(0);
    expect(await holdfast.database.query('select name from secrets where cluster_id = $1', [ha.id])).toEqual([]);
    expect((await holdfast.api('GET', '/v1/clusters/orders')).status).toBe(404);
    const free = previewSchema.parse((await holdfast.api('POST', '/v1/clusters?preview=true', ORDER)).body);
    expect(free.checks).toContainEqual(expect.objectContaining({ id: 'name-free', status: 'passed' }));
  });

  test('tells no secret either', async () => {
    expect(findSecrets(await placesOfControlPlane(holdfast, ha.provision), secrets)).toEqual([]);
  });
});
