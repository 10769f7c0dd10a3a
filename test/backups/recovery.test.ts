import type Docker from 'dockerode';
import { z } from 'zod';
import { APPROVAL, isFinal } from '../../domain/operations';
import type { OperationAnswer } from '../../domain/schemas/operations';
import { operationSummarySchema } from '../../domain/schemas/operations';
import { eventually } from '../support/eventually';
import type { Holdfast } from '../support/holdfast';
import { startHoldfast } from '../support/holdfast';
import { login, query } from '../system/support/endpoint';
import { powerOn } from '../system/support/power';
import type { KeptClient } from './support/undelete';
import { clientOf, sameClient } from './support/undelete';
import { ask, backupsOf, firstBackup, POLL, windowAfter } from './support/user';

jest.setTimeout(900_000);

/**
 * A cluster whose only data node is lost: the autopilot offers to bring it back from its backups, touches nothing until somebody
 * approves that, and then all that was archived is there again, for the clients of before.
 */

let holdfast: Holdfast;
let client: KeptClient;

beforeAll(async () => {
  holdfast = await startHoldfast({ stores: ['primary', 'secondary'] });
  const { id } = await holdfast.order({ name: 'shop', plan: 'sandbox', backups: { paused: true } });
  await holdfast.succeed(id);
  await firstBackup(holdfast, 'shop');
  client = await clientOf(holdfast, 'shop');
  await query(client.config, 'create table ledger as select generate_series(1, 1000) as number');
});
afterAll(() => holdfast?.stop());

async function hostOf(node: string): Promise<Docker.Container> {
  const { nodes } = await holdfast.cluster('shop');
  return holdfast.docker.getContainer(nodes.find(({ name }) => name === node)?.hostId ?? '');
}
const operationsSchema = z.object({ items: operationSummarySchema.array() });
/** All hosts of the engine, those that are off too. */
const hosts = async (): Promise<string[]> => {
  const found = await holdfast.docker.listContainers({ all: true, filters: { label: ['holdfast.install'] } });
  return found.map(({ Id, State }) => `${Id} ${State}`).sort();
};
/** The newest that the autopilot has ordered, once it waits for somebody. */
const offered = (): Promise<OperationAnswer> =>
  eventually(async () => {
    const { body } = await holdfast.api('GET', '/v1/operations?cluster=shop&state=waiting');
    const { items } = operationsSchema.parse(body);
    const found = items.find(({ kind }) => kind === 'recover');
    return found && holdfast.operation(found.id);
  }, POLL);
const rows = async (): Promise<number[]> => {
  const config = await sameClient(holdfast, 'shop', client);
  const found = await query<{ number: number }>(config, 'select number from ledger order by number');
  return found.map(({ number }) => number);
};

test('its host is gone: it is offered back, nothing changes without approval, and then it is back with all that was archived', async () => {
  const writtenAt = Date.now();
  await query(client.config, 'insert into ledger select generate_series(1001, 2000)');
  const { latest } = await windowAfter(holdfast, 'shop', writtenAt);
  const former = (await holdfast.cluster('shop')).nodes;
  await (await hostOf('pg-1')).remove({ force: true, v: true });
  const lostAt = Date.now();

  const offer = await offered();
  const offeredMs = Date.now() - lostAt;
  expect(offer).toMatchObject({ cause: 'autopilot', requestedBy: 'autopilot', cancelable: true });
  expect(Date.parse(offer.recovery?.upTo ?? '')).toBeGreaterThanOrEqual(Date.parse(latest));
  expect(offer.reason?.startsWith(APPROVAL)).toBe(true);
  expect(offer.reason).toContain(`holdfast ops approve ${offer.id}`);
  expect(offer.reason).toContain(offer.recovery?.upTo);
  const condition = await eventually(async () =>
    (await holdfast.cluster('shop')).status.conditions.find(({ type }) => type === 'NodesServe'),
  );
  expect(condition).toMatchObject({ status: false, reason: 'DataNodesLost' });

  // The negative control: as long as nobody approves, a retry is refused, and what is left of the hosts stays as it is.
  const before = await hosts();
  expect((await holdfast.api('POST', `/v1/operations/${offer.id}/retry`)).body).toMatchObject({ code: 'NOT_WAITING' });
  await Promise.all(Array.from({ length: 20 }, () => holdfast.operation(offer.id)));
  expect(await hosts()).toEqual(before);
  expect((await holdfast.operation(offer.id)).state).toBe('waiting');
  expect((await holdfast.cluster('shop')).nodes.map(({ hostId }) => hostId)).toEqual(
    former.map(({ hostId }) => hostId),
  );

  const approvedAt = Date.now();
  await ask(holdfast, 'POST', `/v1/operations/${offer.id}/approve`, {});
  await eventually(async () => (await holdfast.operation(offer.id)).state !== 'waiting');
  const recovered = await holdfast.succeed(offer.id);
  console.log(
    `offered after ${(offeredMs / 1000).toFixed(1)} s, back ${((Date.now() - approvedAt) / 1000).toFixed(1)} s after its approval`,
  );
  expect(await rows()).toEqual(Array.from({ length: 2_000 }, (_, i) => i + 1));
  expect(recovered.restored?.checks.every(({ passed }) => passed)).toBe(true);
  const { nodes, status } = await holdfast.cluster('shop');
  expect(nodes.map(({ hostId }) => former.some((node) => node.hostId === hostId))).toEqual([false, false]);
  expect(nodes.map(({ privateAddress }) => privateAddress)).toEqual(former.map(({ privateAddress }) => privateAddress));
  expect(status.state).toBe('ready');
  await eventually(
    async () => !(await holdfast.cluster('shop')).status.conditions.some(({ type }) => type === 'NodesServe'),
  );
});

test('it archives into the same backups as before, from which it can be restored again', async () => {
  const writtenAt = Date.now();
  await query(await sameClient(holdfast, 'shop', client), 'insert into ledger values (2001)');
  await windowAfter(holdfast, 'shop', writtenAt);
  const [newest] = await backupsOf(holdfast, 'shop');
  expect(newest).toMatchObject({ type: 'full', state: 'succeeded' });
  expect(newest?.copies.map(({ site }) => site)).toEqual(['primary', 'secondary']);
  const window = await holdfast.api('GET', '/v1/clusters/shop/restores/window');
  expect(window.body).toMatchObject({ gaps: [] });
});

test('its host is off and comes back by itself: the offer ends, and nothing was done', async () => {
  const host = await hostOf('pg-1');
  const former = (await holdfast.cluster('shop')).nodes;
  await host.kill();
  const offer = await offered();
  expect(offer.reason).toContain('pg-1');
  await powerOn(host);
  const ended = await eventually(async () => {
    const now = await holdfast.operation(offer.id);
    return isFinal(now.state) && now;
  }, POLL);
  expect(ended.state).toBe('cancelled');
  expect(ended.reason).toBe('pg-1 is back by itself: nothing was changed');
  expect(ended.steps.slice(1).map(({ state }) => state)).toEqual(ended.steps.slice(1).map(() => 'pending'));
  expect((await holdfast.cluster('shop')).nodes.map(({ hostId }) => hostId)).toEqual(
    former.map(({ hostId }) => hostId),
  );
  await eventually(async () => (await rows().catch(() => [])).length === 2_001, POLL);
});

test('an approval of an operation that has ended is refused', async () => {
  const { body } = await holdfast.api('GET', '/v1/operations?cluster=shop');
  const { items } = operationsSchema.parse(body);
  const [recovered] = items.filter(({ kind }) => kind === 'recover');
  const answer = await holdfast.api('POST', `/v1/operations/${recovered?.id ?? ''}/approve`);
  expect([answer.status, answer.body]).toEqual([409, expect.objectContaining({ code: 'OPERATION_FINISHED' })]);
  expect(login(await holdfast.credentials('shop'), 'primaryPort').password).toBe(client.config.password);
});
