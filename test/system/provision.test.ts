import { z } from 'zod';
import type { ClusterDetailAnswer } from '../../domain/schemas/clusters';
import type { OperationAnswer } from '../../domain/schemas/operations';
import { operationSchema } from '../../domain/schemas/operations';
import { previewSchema } from '../../domain/schemas/previews';
import { problemSchema } from '../../domain/schemas/problems';
import { versionsSchema } from '../../domain/schemas/catalogue';
import { isFinal } from '../../domain/operations';
import { MAJORS } from '../../domain/clusters';
import type { Holdfast } from '../support/holdfast';
import { startHoldfast } from '../support/holdfast';
import { describeReady } from './provision/ready';
import { login, query } from './support/endpoint';

jest.setTimeout(400_000);

let holdfast: Holdfast;

beforeAll(async () => {
  holdfast = await startHoldfast();
});
afterAll(() => holdfast.stop());

async function sandbox(name: string): Promise<OperationAnswer> {
  return holdfast.order({ name, plan: 'sandbox' });
}

/** Deletes a cluster and waits for the proof of it. */
async function remove(name: string): Promise<void> {
  const answer = await holdfast.api('DELETE', `/v1/clusters/${name}`, { confirm: name });
  await holdfast.succeed(operationSchema.parse(answer.body).id);
}

const residue = (clusterId: string): Promise<unknown[]> =>
  holdfast.fleet.clouds.docker.listByTags({ 'holdfast.cluster': clusterId });

const condition = ({ status }: ClusterDetailAnswer, type: string): unknown =>
  status.conditions.find((candidate) => candidate.type === type)?.status;

/** Of all that is written for somebody; what watches writes all the time. */
async function countRows(): Promise<Record<string, number>> {
  const tables = await holdfast.database.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public' and table_name <> 'heartbeats'`,
  );
  const counts = tables.map(async ({ name }): Promise<[string, number]> => {
    const [row] = await holdfast.database.query<{ rows: number }>(`select count(*)::int as rows from ${name}`);
    return [name, row?.rows ?? -1];
  });
  return Object.fromEntries(await Promise.all(counts));
}

describe('every version that can be ordered', () => {
  const answers = new Map<string, OperationAnswer>();

  // All three at once: that they do not get in each other's way is part of the claim.
  beforeAll(async () => {
    const operations = await Promise.all(
      MAJORS.map((version) => holdfast.order({ name: `version-${version}`, plan: 'sandbox', version })),
    );
    const ended = await Promise.all(operations.map(({ id }) => holdfast.succeed(id)));
    MAJORS.forEach((version, i) => ended[i] && answers.set(version, ended[i]));
  });
  afterAll(() => Promise.all(MAJORS.map((version) => remove(`version-${version}`))));

  test.each(MAJORS)('PostgreSQL %s becomes ready and is the very minor that the catalogue names', async (version) => {
    expect(answers.get(version)?.steps.map(({ state }) => state)).not.toContain('failed');
    const { items } = versionsSchema.parse((await holdfast.api('GET', '/v1/versions')).body);
    const minor = items.find(({ major }) => major === version)?.minor;
    expect(minor).toMatch(new RegExp(`^${version}\\.\\d+$`));

    const cluster = await holdfast.cluster(`version-${version}`);
    expect(cluster.status).toMatchObject({ state: 'ready', postgresqlVersion: minor });
    const credentials = await holdfast.credentials(cluster.name);
    const [row] = await query<{ version: string }>(login(credentials, 'primaryPort'), 'select version()');
    expect(row?.version).toContain(`PostgreSQL ${minor} `);
  });
});

describe('an order', () => {
  test('of which two with one name come at once is accepted once; the other is told that the name is taken', async () => {
    const answers = await Promise.all(
      [0, 1].map(() => holdfast.api('POST', '/v1/clusters', { name: 'twin', plan: 'sandbox' })),
    );
    const byStatus = new Map(answers.map(({ status, body }) => [status, body]));
    expect([...byStatus.keys()].sort()).toEqual([202, 409]);
    expect(problemSchema.parse(byStatus.get(409))).toMatchObject({ code: 'NAME_TAKEN', retryable: false });
    await holdfast.succeed(operationSchema.parse(byStatus.get(202)).id);
    const { nodes, id } = await holdfast.cluster('twin');
    const hosts = (await residue(id)).filter(
      (resource) => z.object({ kind: z.literal('host') }).safeParse(resource).success,
    );
    expect(hosts).toHaveLength(nodes.length);
  });

  test('to delete a cluster that is being made is refused with a link to what works on it', async () => {
    const operation = await sandbox('busy');
    const refused = await holdfast.api('DELETE', '/v1/clusters/busy', { confirm: 'busy' });
    expect(refused.status).toBe(409);
    expect(problemSchema.parse(refused.body)).toMatchObject({
      code: 'CLUSTER_BUSY',
      operation: operation.links.self,
      retryable: true,
    });
    await holdfast.succeed(operation.id);
    await remove('busy');
  });

  test('that is cancelled takes back all that was made, and its name is free again', async () => {
    const operation = await sandbox('regretted');
    await holdfast.waitFor(operation.id, ({ steps }) =>
      steps.some(({ id, state }) => id === 'create-the-hosts' && state === 'succeeded'),
    );
    expect(await residue(operation.clusterId)).not.toEqual([]);

    expect((await holdfast.api('POST', `${operation.links.self}/cancel`)).status).toBe(202);
    const ended = await holdfast.waitFor(operation.id, ({ state }) => isFinal(state));
    expect(ended.state).toBe('cancelled');
    expect(ended.steps.filter(({ state }) => state === 'undone').length).toBeGreaterThanOrEqual(3);
    expect(await residue(operation.clusterId)).toEqual([]);
    expect(
      await holdfast.database.query('select name from secrets where cluster_id = $1', [operation.clusterId]),
    ).toEqual([]);
    expect((await holdfast.api('GET', '/v1/clusters/regretted')).status).toBe(404);

    const again = await sandbox('regretted');
    await holdfast.succeed(again.id);
    await remove('regretted');
  });
});

describe('a preview', () => {
  test('of a create and of a delete writes nothing and lists the very steps of the operation', async () => {
    const order = { name: 'planned', plan: 'sandbox' } as const;
    const before = await countRows();
    const create = await holdfast.api('POST', '/v1/clusters?preview=true', order);
    expect(create.status).toBe(200);
    expect(await countRows()).toEqual(before);
    const created = await holdfast.order(order);
    const titles = (steps: readonly { id: string; title: string }[]): string[] =>
      steps.map(({ id, title }) => `${id}: ${title}`);
    expect(titles(previewSchema.parse(create.body).steps)).toEqual(titles(created.steps));
    await holdfast.succeed(created.id);

    const rows = await countRows();
    const preview = await holdfast.api('DELETE', '/v1/clusters/planned?preview=true');
    expect(preview.status).toBe(200);
    expect(await countRows()).toEqual(rows);
    expect((await holdfast.cluster('planned')).status.state).toBe('ready');
    const deleted = await holdfast.api('DELETE', '/v1/clusters/planned', { confirm: 'planned' });
    const operation = operationSchema.parse(deleted.body);
    expect(titles(previewSchema.parse(preview.body).steps)).toEqual(titles(operation.steps));
    await holdfast.succeed(operation.id);
  });
});

describe('a cluster that is called ready', () => describeReady(() => holdfast));

describe('a worker', () => {
  /** Set HOLDFAST_TEST_SEED to the number that a failure printed, to end it at the same moments again. */
  const seed = Number(process.env['HOLDFAST_TEST_SEED'] ?? Math.floor(Math.random() * 1e9));

  /** Orders a cluster and waits until some moment of its provision. */
  async function untilSomeMoment(name: string, salt: number): Promise<OperationAnswer> {
    const operation = await sandbox(name);
    const moments = operation.steps.slice(0, -1).map(({ id }) => id);
    const moment = moments[(seed + salt) % moments.length];
    const withinMs = (seed + salt) % 997;
    await holdfast.waitFor(operation.id, ({ steps }) =>
      steps.some(({ id, state }) => id === moment && state !== 'pending'),
    );
    await new Promise((resolve) => setTimeout(resolve, withinMs));
    const { state, steps } = await holdfast.operation(operation.id);
    const done = steps.filter((step) => step.state === 'succeeded').length;
    console.log(
      `seed ${seed}: ${withinMs} ms after "${moment}" began, ${done} of ${steps.length} steps done, ${state}`,
    );
    return operation;
  }

  /** Another worker ends what was begun: with one host per node, and nothing left over after the deletion. */
  async function expectToEndWell({ id, clusterId }: OperationAnswer): Promise<void> {
    await holdfast.succeed(id);
    const { name, nodes, status } = await holdfast.cluster(clusterId);
    expect(status.state).toBe('ready');
    const hosts = await holdfast.docker.listContainers({
      all: true,
      filters: JSON.stringify({ label: [`holdfast.cluster=${clusterId}`] }),
    });
    expect(hosts.map(({ Id }) => Id).sort()).toEqual(nodes.map(({ hostId }) => hostId).sort());
    await remove(name);
    expect(await residue(clusterId)).toEqual([]);
  }

  test(`that is killed at a random moment of a provision is replaced by the next one, which ends it (seed ${seed})`, async () => {
    const operation = await untilSomeMoment('survivor', 0);
    await holdfast.worker.kill();
    holdfast.worker.start();
    await expectToEndWell(operation);
  });

  test(`that is asked to end at a random moment of a provision does, and the next one goes on (seed ${seed})`, async () => {
    const operation = await untilSomeMoment('handed-over', 1);
    const askedAt = Date.now();
    const exitCode = await holdfast.worker.stop();
    console.log(`it took ${Date.now() - askedAt} ms to end`);
    holdfast.worker.start();
    expect(exitCode).toBe(0);
    await expectToEndWell(operation);
  });
});

describe('where addresses of containers cannot be reached', () => {
  let published: Holdfast;
  beforeAll(async () => {
    published = await startHoldfast({ reach: 'published' });
  });
  afterAll(() => published.stop());

  test('the endpoint is on loopback, serves there, and a condition says that it does not float', async () => {
    await published.succeed((await published.order({ name: 'desktop', plan: 'sandbox' })).id);
    const cluster = await published.cluster('desktop');
    expect(cluster.status.endpoint?.addresses.map(({ host }) => host)).toEqual(['127.0.0.1']);
    expect(condition(cluster, 'EndpointAddressFloats')).toBe(false);
    const credentials = await published.credentials('desktop');
    for (const port of ['primaryPort', 'replicaPort', 'pooledPort'] as const) {
      expect(await query(login(credentials, port), 'select 1 as one')).toEqual([{ one: 1 }]);
    }
  });
});
