import type { Condition } from '../../../domain/clusters';
import type { ErrorCode } from '../../../domain/errors';
import { STORM } from '../../../domain/losses';
import type { Operation } from '../../../domain/operations';
import { eventually } from '../../support/eventually';
import {
  addCluster,
  begin,
  change,
  endGuards,
  heard,
  looksOf,
  noticedBy,
  openGuarded,
  silence,
  toldOf,
} from '../../support/guarded-fleet';
import type { NodeName } from '../../../domain/topology';
import { finish, newSubmission } from '../../support/inventory';
import { stepTitles } from '../../../workflows/runbooks';

/** Which nodes the autopilot has replaced, and what it tells instead. On real hosts: test/alone/ha/replacement.ts. */

const GRACE_MS = 30_000;

let guarded: Awaited<ReturnType<typeof openGuarded>>;
beforeAll(async () => {
  guarded = await openGuarded();
});
afterAll(() => guarded.close());
beforeEach(() => begin(guarded, ['gw-1', 'gw-2']));
afterEach(() => endGuards(guarded));

const told = (): Promise<Condition | undefined> => toldOf(guarded, 'NodesServe');
/** Those that the autopilot has ordered of all clusters of this test, the newest last. */
async function ordered(): Promise<Operation[]> {
  const rows = await guarded.opened.scratch.query<{ id: Operation['id'] }>(
    `select operation.id from operations operation join clusters cluster on cluster.id = cluster_id
      where cause = 'autopilot' and cluster.state = 'ready' order by operation.id`,
  );
  const found = await Promise.all(rows.map(({ id }) => guarded.inventory.operations.get(id)));
  return found.flatMap((operation) => operation ?? []);
}
const nodesOf = (operations: readonly Operation[]): (string | undefined)[] => operations.map(({ node }) => node?.name);
/** The first that is ordered fails. */
async function failFirst(code: ErrorCode): Promise<void> {
  const [operation] = await eventually(async () => {
    const all = await ordered();
    return all.length > 0 && all;
  });
  await guarded.inventory.operations.record({
    operationId: operation?.id ?? 'op_',
    seq: 1_000,
    steps: [],
    operation: { state: 'failed', at: new Date().toISOString(), error: { code, message: 'none' } },
  });
}
const looks = (): Promise<void> => looksOf(guarded);
const noticed = (name: NodeName): Promise<true> => noticedBy(guarded, name);
const wait = (ms = GRACE_MS): void => void (guarded.waitedMs += ms);

test.each(['pg-3', 'gw-2'] as const)(
  '%s is silent to all for half a minute, and is replaced; no other operation begins',
  async (name) => {
    guarded.guard();
    await heard(guarded);
    silence(guarded, name);
    await noticed(name);
    wait(GRACE_MS / 2);
    await looks();
    expect(await ordered()).toEqual([]);
    wait(GRACE_MS / 2);
    const [operation] = await eventually(async () => {
      const all = await ordered();
      return all.length > 0 && all;
    });
    expect(operation).toMatchObject({
      kind: 'replace-node',
      cause: 'autopilot',
      requestedBy: 'autopilot',
      state: 'pending',
      node: { name },
      replacement: { former: null },
    });
    expect(operation?.steps.map(({ id, title }) => ({ id, title }))).toEqual(stepTitles('replace-node', 'ha', name));
    expect(await guarded.inventory.operations.requireInput(operation?.id ?? 'op_')).toMatchObject({ node: name });
    const [entry] = await guarded.opened.scratch.query<{ actor: string; node: string }>(
      `select actor, details ->> 'node' as node from audit_log where action = 'replace-node' and subject = $1`,
      [guarded.shop.cluster.id],
    );
    expect(entry).toEqual({ actor: 'autopilot', node: name });
    await looks();
    expect(await ordered()).toHaveLength(1);
  },
);

test('one whose host is gone is replaced at once', async () => {
  guarded.guard();
  await heard(guarded);
  change(guarded, 'pg-2', { host: 'gone' });
  silence(guarded, 'pg-2');
  await eventually(async () => (await ordered()).length === 1);
  expect(nodesOf(await ordered())).toEqual(['pg-2']);
});

test.each<[string, () => Promise<void> | void]>([
  ['that another node still hears', () => change(guarded, 'pg-3', { says: null })],
  [
    'while an operation has the cluster',
    async () => {
      await guarded.inventory.operations.submit(null, newSubmission(guarded.shop.cluster, 'configure-backups'));
      silence(guarded, 'pg-3');
    },
  ],
  [
    'while the PostgreSQL of another data node is down, which leaves no majority',
    () => {
      change(guarded, 'pg-2', { says: 'down' });
      silence(guarded, 'pg-3');
      return Promise.resolve();
    },
  ],
])('none is replaced %s', async (_what, trouble) => {
  guarded.guard();
  await heard(guarded);
  await trouble();
  await noticed('pg-3');
  wait();
  await eventually(() => guarded.done.includes('pg-1 calls pg-3'));
  await looks();
  expect(await ordered()).toEqual([]);
});

test('a former primary whose host is gone is replaced when another one has taken over, not before', async () => {
  let switchOff = (): void => undefined;
  guarded.powerOff = () => new Promise((resolve) => (switchOff = resolve));
  guarded.guard();
  await heard(guarded);
  change(guarded, 'pg-1', { host: 'gone' });
  silence(guarded, 'pg-1');
  await noticed('pg-1');
  await looks();
  expect(await guarded.inventory.failovers.listUnfinished()).toHaveLength(1);
  expect(await ordered()).toEqual([]);
  switchOff();
  await eventually(async () => (await ordered()).length === 1);
  expect(nodesOf(await ordered())).toEqual(['pg-1']);
  expect(await guarded.inventory.failovers.listUnfinished()).toEqual([]);
});

test('what was silent while the others were is not counted: it has its half minute from when they are back', async () => {
  guarded.guard();
  await heard(guarded);
  for (const name of ['pg-1', 'pg-2', 'pg-3']) silence(guarded, name);
  await noticed('pg-3');
  wait();
  change(guarded, 'pg-1', { says: 'primary', answers: true });
  change(guarded, 'pg-2', { says: 'replica', answers: true });
  await looks();
  expect(await ordered()).toEqual([]);
  wait();
  await eventually(async () => (await ordered()).length === 1);
});

test('one of several goes first; the next one follows when that is done', async () => {
  guarded.guard();
  await heard(guarded);
  for (const name of ['gw-1', 'pg-3']) {
    change(guarded, name, { host: 'gone' });
    silence(guarded, name);
  }
  const [first] = await eventually(async () => {
    const all = await ordered();
    return all.length > 0 && all;
  });
  expect(first?.node?.name).toBe('pg-3');
  change(guarded, 'pg-3', { says: 'replica', answers: true, host: 'runs' });
  if (first) await finish(guarded.inventory, first);
  await eventually(async () => (await ordered()).length === 2);
  expect(nodesOf(await ordered())).toEqual(['pg-3', 'gw-1']);
});

test('a replacement that failed is not ordered again at once: the cluster tells who can, and others are replaced', async () => {
  guarded.guard();
  await heard(guarded);
  change(guarded, 'pg-3', { host: 'gone' });
  silence(guarded, 'pg-3');
  await failFirst('CLOUD_REFUSED');
  await eventually(async () => (await told())?.reason === 'NodeLost');
  expect((await told())?.message).toContain(`holdfast node replace ${guarded.shop.cluster.name} pg-3`);
  await looks();
  expect(await ordered()).toHaveLength(1);
  change(guarded, 'gw-1', { host: 'gone' });
  silence(guarded, 'gw-1');
  await eventually(async () => (await ordered()).length === 2);
  expect(nodesOf(await ordered())).toEqual(['pg-3', 'gw-1']);
});

test('one that was back when it was to be replaced is ordered again as soon as it is lost again', async () => {
  guarded.guard();
  await heard(guarded);
  change(guarded, 'pg-3', { host: 'gone' });
  silence(guarded, 'pg-3');
  await eventually(async () => (await ordered()).length === 1);
  // No look is under way that has not heard of its end.
  await endGuards(guarded);
  await failFirst('NODE_BACK');
  guarded.guard();
  await eventually(async () => (await ordered()).length === 2);
  expect(nodesOf(await ordered())).toEqual(['pg-3', 'pg-3']);
});

test('one that the others could not do without just then is ordered again when they had half a minute', async () => {
  guarded.guard();
  await heard(guarded);
  change(guarded, 'pg-3', { host: 'gone' });
  silence(guarded, 'pg-3');
  await failFirst('NO_QUORUM_LEFT');
  await looks();
  expect([(await told())?.reason, nodesOf(await ordered())]).toEqual([undefined, ['pg-3']]);
  await guarded.opened.scratch.query(`update operations set finished_at = finished_at - interval '30 s'`);
  await eventually(async () => (await ordered()).length === 2);
  expect(nodesOf(await ordered())).toEqual(['pg-3', 'pg-3']);
});

test('a storm of clusters is asked about: none is replaced, and each says what to type', async () => {
  const others = await Promise.all(Array.from({ length: STORM.clusters }, () => addCluster(guarded)));
  guarded.guard();
  await heard(guarded);
  change(guarded, 'pg-3', { host: 'gone' });
  silence(guarded, 'pg-3');
  const shops = [guarded.shop, ...others];
  await eventually(async () => {
    const all = await Promise.all(shops.map(({ cluster }) => toldOf(guarded, 'NodesServe', cluster.id)));
    return all.every((condition) => condition?.reason === 'ManyClustersLost');
  });
  expect((await told())?.message).toContain(`${shops.length} clusters have lost nodes at once`);
  expect((await told())?.message).toContain(`holdfast node replace ${guarded.shop.cluster.name} pg-3`);
  expect(await ordered()).toEqual([]);
});

test('as many clusters as are no storm are healed', async () => {
  await Promise.all(Array.from({ length: STORM.clusters - 1 }, () => addCluster(guarded)));
  guarded.guard();
  await heard(guarded);
  change(guarded, 'pg-3', { host: 'gone' });
  silence(guarded, 'pg-3');
  await eventually(async () => (await ordered()).length === STORM.clusters);
});

test("a machine of the user's own is not replaced: the cluster says which node is lost and what to do, until it is back", async () => {
  guarded.hasMachines = true;
  guarded.guard();
  await heard(guarded);
  silence(guarded, 'pg-3');
  await noticed('pg-3');
  wait();
  const condition = await eventually(told);
  expect(condition).toMatchObject({ status: false, reason: 'NodeLost' });
  expect(condition.message).toMatch(
    /^pg-3 answers nobody any more: .*holdfast host remove.*holdfast node replace shop-/,
  );
  expect(await ordered()).toEqual([]);
  change(guarded, 'pg-3', { says: 'replica', answers: true });
  await eventually(async () => (await told()) === undefined);
});

test('nothing is replaced in maintenance', async () => {
  await guarded.inventory.clusters.beginMaintenance(guarded.shop.cluster.id, 60, 'somebody');
  guarded.guard();
  await heard(guarded);
  change(guarded, 'pg-3', { host: 'gone' });
  silence(guarded, 'pg-3');
  await noticed('pg-3');
  await looks();
  expect(await ordered()).toEqual([]);
  await guarded.inventory.clusters.endMaintenance(guarded.shop.cluster.id);
  await eventually(async () => (await ordered()).length === 1);
});

test('no majority of hosts is on: that is told, while a host that only the control plane cannot hear is not', async () => {
  guarded.guard();
  await heard(guarded);
  for (const name of ['pg-2', 'pg-3']) silence(guarded, name);
  await noticed('pg-3');
  wait();
  await looks();
  expect(await told()).toBeUndefined();
  for (const name of ['pg-2', 'pg-3']) change(guarded, name, { host: 'off' });
  await eventually(async () => (await told())?.reason === 'NoQuorum');
  expect(await ordered()).toEqual([]);
});

test('two workers at a time order one', async () => {
  guarded.guard();
  guarded.guard();
  await heard(guarded);
  change(guarded, 'pg-3', { host: 'gone' });
  silence(guarded, 'pg-3');
  await eventually(async () => (await ordered()).length > 0);
  await looks();
  expect(await ordered()).toHaveLength(1);
});

test('a node that was never heard since the worker began is lost like others', async () => {
  silence(guarded, 'pg-3');
  change(guarded, 'pg-3', { host: 'gone', beats: 4 });
  guarded.guard();
  await heard(guarded);
  await eventually(async () => (await ordered()).length === 1);
});

test('gateways say that they are open', async () => {
  guarded.guard();
  await eventually(async () => {
    const of = await guarded.inventory.heartbeats.of(guarded.shop.cluster.id);
    return of.get('gw-1')?.role === 'open' && of.get('pg-1')?.role === 'primary';
  });
});
