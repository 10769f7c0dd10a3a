import type { OpenInventory } from '../../../activities/inventory/open';
import type { StepRef } from '../../../domain/clusters';
import type { Operation } from '../../../domain/operations';
import { finish, newCluster, newProvision, newSubmission, openScratchInventory, refOf } from '../../support/inventory';
import type { ScratchInventory } from '../../support/inventory';

let opened: ScratchInventory;
let inventory: OpenInventory;
let operation: Operation;
let ref: StepRef;

beforeAll(async () => {
  opened = await openScratchInventory();
  ({ inventory } = opened);
});
afterAll(() => opened.close());
beforeEach(async () => {
  ({ operation, ref } = await newProvision(opened));
});

describe('the fence', () => {
  const writes: [string, (fence: StepRef) => Promise<void>][] = [
    ['status', (fence) => inventory.clusters.setStatus(fence, { state: 'ready' })],
    [
      'condition',
      (fence) => inventory.clusters.setCondition(fence, { type: 'Ready', status: true, reason: 'Ready', message: '' }),
    ],
    [
      'network',
      (fence) =>
        inventory.clusters.setNetwork(fence, {
          token: 't',
          cidr: '10.0.0.0/24',
          controlAddress: '10.0.0.1',
          floatingAddress: null,
        }),
    ],
    ['nodes', (fence) => inventory.nodes.place(fence, [{ name: 'pg-1', role: 'data', failureDomain: 'a' }])],
    ['removal of nodes', (fence) => inventory.nodes.forget(fence)],
    ['deletion', (fence) => inventory.clusters.markDeleted(fence)],
  ];

  test.each(writes)('lets a running operation write the %s, again and again', async (_, write) => {
    await write(ref);
    await write(ref);
  });

  test.each(writes)('stops an operation that has ended from writing the %s', async (_, write) => {
    await finish(inventory, operation);
    const before = await inventory.clusters.get(ref.clusterId);
    await expect(write(ref)).rejects.toMatchObject({ code: 'STALE_GENERATION', retryable: false });
    expect(await inventory.clusters.get(ref.clusterId)).toEqual(before);
  });

  test('stops an operation that a newer one followed', async () => {
    await finish(inventory, operation);
    const newer = await inventory.operations.submit(
      null,
      newSubmission({ ...newCluster(opened.project, operation.clusterName), id: ref.clusterId }, 'delete'),
    );
    const stale = inventory.clusters.setStatus(ref, { state: 'ready' });
    await expect(stale).rejects.toMatchObject({ values: { asked: 1, actual: 2 } });
    await inventory.clusters.setStatus(refOf(newer.operation), { state: 'deleting' });
  });

  test('lets the running operation go on when the specification changed without one', async () => {
    const changed = await inventory.clusters.updateSpec(ref.clusterId, 1, { deletionProtection: true });
    expect(changed).toMatchObject({ generation: 2, spec: { deletionProtection: true, plan: 'ha-s' } });
    await inventory.clusters.setStatus(ref, { state: 'ready' });
    await expect(inventory.clusters.updateSpec(ref.clusterId, 1, {})).rejects.toMatchObject({
      code: 'PRECONDITION_FAILED',
    });
  });
});

describe('a cluster', () => {
  test('keeps what it is told, part by part', async () => {
    const endpoint = { addresses: [{ host: '10.0.0.9', primaryPort: 5432, replicaPort: 5433, pooledPort: 6432 }] };
    await inventory.clusters.setStatus(ref, { endpoint });
    await inventory.clusters.setStatus(ref, { state: 'ready', postgresqlVersion: '18.6' });
    expect((await inventory.clusters.get(ref.clusterId))?.status).toEqual({
      state: 'ready',
      postgresqlVersion: '18.6',
      endpoint,
      conditions: [],
    });
    await inventory.clusters.setStatus(ref, { endpoint: null });
    expect((await inventory.clusters.get(ref.clusterId))?.status.endpoint).toBeNull();

    const network = { token: 't', cidr: '10.0.0.0/24', controlAddress: '10.0.0.1', floatingAddress: '10.0.0.9' };
    expect(await inventory.clusters.getNetwork(ref.clusterId)).toBeNull();
    await inventory.clusters.setNetwork(ref, network);
    expect(await inventory.clusters.getNetwork(ref.clusterId)).toEqual(network);
  });

  test('moves the time of a condition only when its status changes', async () => {
    const conditions = async () => (await inventory.clusters.get(ref.clusterId))?.status.conditions;
    const ready = { type: 'Ready', status: false, reason: 'Provisioning', message: 'not yet' } as const;
    await inventory.clusters.setCondition(ref, ready);
    const [first] = (await conditions()) ?? [];
    await inventory.clusters.setCondition(ref, { ...ready, message: 'soon' });
    expect(await conditions()).toEqual([{ ...ready, message: 'soon', since: first?.since }]);
    while (new Date().toISOString() === first?.since) await new Promise(setImmediate);
    await inventory.clusters.setCondition(ref, { ...ready, status: true });
    const [changed] = (await conditions()) ?? [];
    expect(changed?.status).toBe(true);
    expect(changed?.since).not.toBe(first?.since);
  });

  test('keeps the nodes that it has, with their hosts, until it forgets them', async () => {
    const place = (...names: `pg-${number}`[]): Promise<void> =>
      inventory.nodes.place(
        ref,
        names.map((name) => ({ name, role: 'data', failureDomain: 'a' })),
      );
    await place('pg-1');
    const host = {
      failureDomain: 'b',
      hostId: 'h1',
      privateAddress: '10.0.0.2',
      ssh: { host: '10.0.0.2', port: 22 },
      hostKey: 'ssh-ed25519 AAAA',
      publicPorts: { 5432: { host: '127.0.0.1', port: 15432 } },
    };
    await inventory.nodes.recordHost(ref, 'pg-1', host);
    await place('pg-1', 'pg-2');
    expect(await inventory.nodes.list(ref.clusterId)).toEqual([
      { clusterId: ref.clusterId, name: 'pg-1', role: 'data', ...host },
      {
        clusterId: ref.clusterId,
        name: 'pg-2',
        role: 'data',
        failureDomain: 'a',
        hostId: null,
        privateAddress: null,
        ssh: null,
        hostKey: null,
        publicPorts: {},
      },
    ]);
    await expect(inventory.nodes.recordHost(ref, 'pg-3', host)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await inventory.nodes.forget(ref);
    expect(await inventory.nodes.list(ref.clusterId)).toEqual([]);
  });
});
