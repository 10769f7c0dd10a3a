import type { OpenInventory } from '../../../activities/inventory/open';
import { findAuditBreak } from '../../../activities/inventory/audit';
import type { ProjectId } from '../../../domain/ids';
import {
  finish,
  newCluster,
  newSubmission,
  newId,
  provisioned,
  refOf,
  openScratchInventory,
} from '../../support/inventory';
import type { ScratchInventory } from '../../support/inventory';

let opened: ScratchInventory;
let inventory: OpenInventory;
let project: ProjectId;
let next = 0;
const freshName = (): string => `orders-${next++}`;

beforeAll(async () => {
  opened = await openScratchInventory();
  ({ inventory, project } = opened);
});
afterAll(() => opened.close());

const create = (name: string, key?: string, requestHash = 'a', principal = 'tok_1') => {
  const cluster = newCluster(project, name);
  const idempotency = key === undefined ? null : { key, principal, requestHash };
  return inventory.operations.submitCreate(cluster, newSubmission(cluster, 'provision', idempotency));
};

const remove = async (name: string, key?: string, expectedGeneration: number | null = null) => {
  const cluster = await inventory.clusters.find(project, name);
  if (!cluster) throw new Error(`no cluster ${name}`);
  const idempotency = key === undefined ? null : { key, principal: 'tok_1', requestHash: 'a' };
  return inventory.operations.submit(expectedGeneration, newSubmission(cluster, 'delete', idempotency));
};

describe('a submission that creates a cluster', () => {
  test('writes cluster, operation, pending steps and a first event', async () => {
    const name = freshName();
    const { operation, replayed } = await create(name);

    expect(replayed).toBe(false);
    expect(operation).toMatchObject({
      state: 'pending',
      generation: 1,
      cancelable: true,
      reason: null,
      startedAt: null,
    });
    expect(operation.steps.map(({ id, state, attempt }) => [id, state, attempt])).toEqual([
      ['network', 'pending', 0],
      ['hosts', 'pending', 0],
    ]);
    expect(await inventory.operations.get(operation.id)).toEqual(operation);
    expect(await inventory.clusters.find(project, name)).toMatchObject({
      id: operation.clusterId,
      generation: 1,
      status: { state: 'creating', conditions: [], endpoint: null },
    });
    const events = await inventory.operations.eventsAfter(operation.id, 0);
    expect(events).toMatchObject([{ type: 'operation', body: { id: operation.id, state: 'pending' } }]);
    expect(events[0]?.body).not.toHaveProperty('steps');
  });

  test('of ten at once with one name, one wins and the others get NAME_TAKEN, which leaves nothing behind', async () => {
    const name = freshName();
    const results = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => create(name, `${name}-${i}`)));

    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(9);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'NAME_TAKEN', values: { name } });
    const left = await opened.scratch.query<{ count: string }>(
      `select (select count(*) from operations where cluster_name = $1)
            + (select count(*) from idempotency_keys where key like $1 || '-%') as count`,
      [name],
    );
    expect(left).toEqual([{ count: '2' }]);
  });

  test('the name of a deleted cluster can be used again, that of another project always', async () => {
    const name = freshName();
    await provisioned(inventory, project, name);
    const { operation } = await remove(name);
    await expect(create(name)).rejects.toMatchObject({ code: 'NAME_TAKEN' });
    await inventory.clusters.markDeleted(refOf(operation));
    await expect(create(name)).resolves.toMatchObject({ replayed: false });

    const other = await inventory.projects.ensure('other');
    const cluster = newCluster(other.id, name);
    await expect(inventory.operations.submitCreate(cluster, newSubmission(cluster))).resolves.toBeDefined();
  });
});

describe('an idempotency key', () => {
  test('of ten equal requests at once makes one operation, which all get', async () => {
    const name = freshName();
    const results = await Promise.all(Array.from({ length: 10 }, () => create(name, `key-${name}`)));

    expect(new Set(results.map(({ operation }) => operation.id)).size).toBe(1);
    expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
  });

  test('answers a replay even when the cluster is busy or its generation has moved on', async () => {
    const name = freshName();
    await provisioned(inventory, project, name);
    const submitted = await remove(name, `key-${name}`, 1);
    const again = await remove(name, `key-${name}`, 1);
    expect(again).toEqual({ operation: submitted.operation, replayed: true });
  });

  test('with another request is refused, and belongs to its principal alone', async () => {
    const name = freshName();
    const key = `key-${name}`;
    const { operation } = await create(name, key);
    await expect(create(name, key, 'b')).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
    await expect(create(freshName(), key, 'b', 'tok_2')).resolves.toMatchObject({ replayed: false });

    const find = (requestHash: string, principal: string) =>
      inventory.operations.findReplay({ key, principal, requestHash });
    expect(await find('a', 'tok_1')).toEqual(operation);
    expect(await find('a', 'tok_3')).toBeNull();
    await expect(find('b', 'tok_1')).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  });

  test('of a refused request is free again', async () => {
    const name = freshName();
    await create(name);
    await expect(create(name, `key-${name}`)).rejects.toMatchObject({ code: 'NAME_TAKEN' });
    await expect(create(freshName(), `key-${name}`, 'b')).resolves.toMatchObject({ replayed: false });
  });
});

describe('a submission on an existing cluster', () => {
  test('raises the generation, which the operation carries', async () => {
    const name = freshName();
    const id = await provisioned(inventory, project, name);
    const { operation } = await remove(name, undefined, 1);
    expect(operation.generation).toBe(2);
    expect(await inventory.clusters.get(id)).toMatchObject({ generation: 2 });
  });

  test('of ten at once, one wins and the others learn which operation runs', async () => {
    const name = freshName();
    await provisioned(inventory, project, name);
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => remove(name)));

    const winner = results.find((result) => result.status === 'fulfilled')?.value.operation;
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(9);
    for (const { reason } of refused) {
      expect(reason).toMatchObject({ code: 'CLUSTER_BUSY', values: { operation: winner?.id } });
    }
  });

  test('is taken again once the operation has ended', async () => {
    const name = freshName();
    await provisioned(inventory, project, name);
    await finish(inventory, (await remove(name)).operation);
    await expect(remove(name)).resolves.toMatchObject({ operation: { generation: 3 } });
  });

  test('of another generation than expected is refused and changes nothing', async () => {
    const name = freshName();
    const id = await provisioned(inventory, project, name);
    await expect(remove(name, undefined, 7)).rejects.toMatchObject({
      code: 'PRECONDITION_FAILED',
      values: { asked: 7, actual: 1 },
    });
    expect(await inventory.clusters.get(id)).toMatchObject({ generation: 1 });
  });

  test('of a cluster that does not exist is refused', async () => {
    const ghost = newCluster(project, 'ghost');
    await expect(inventory.operations.submit(null, newSubmission(ghost, 'delete'))).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});

describe('operations that were written but not started', () => {
  test('are found when they are old enough, with what their workflow needs', async () => {
    const cluster = newCluster(project, freshName());
    const submission = newSubmission(cluster);
    const { operation } = await inventory.operations.submitCreate(cluster, submission);

    const found = async (olderThanMs: number) =>
      (await inventory.operations.listUnstarted(olderThanMs)).find((input) => input.operationId === operation.id);
    expect(await found(3_600_000)).toBeUndefined();
    expect({ ...(await found(0)), cause: 'user', requestedBy: 'tok_tester' }).toEqual(submission.operation);

    const change = { state: 'scheduled', at: new Date().toISOString() } as const;
    await inventory.operations.record({ operationId: operation.id, seq: 1, steps: [], operation: change });
    expect(await found(0)).toBeUndefined();
  });
});

describe('lists', () => {
  test('page from the newest to the oldest, by project, cluster and state', async () => {
    const { id: own } = await inventory.projects.ensure(`lists-${newId('prj')}`);
    const names = ['a', 'b', 'c'];
    for (const name of names) await provisioned(inventory, own, name);

    const firstPage = await inventory.clusters.list(own, { limit: 2 });
    const before = firstPage.at(-1)?.id ?? '';
    const secondPage = await inventory.clusters.list(own, { limit: 2, before });
    const listed = [...firstPage, ...secondPage].map(({ id }) => id);
    expect(listed).toHaveLength(3);
    expect(listed).toEqual([...listed].sort().reverse());

    const clusterId = firstPage[0]?.id;
    if (!clusterId) throw new Error('no cluster');
    expect(await inventory.operations.list(own, { limit: 10, clusterId })).toHaveLength(1);
    expect(await inventory.operations.list(own, { limit: 10, state: 'succeeded' })).toHaveLength(3);
    expect(await inventory.operations.list(own, { limit: 10, state: 'running' })).toHaveLength(0);
    expect(await inventory.operations.list(own, { limit: 2 })).toHaveLength(2);
  });
});

describe('the audit log', () => {
  test('has an entry for each submission, can only be appended to, and shows what was changed behind its back', async () => {
    const { operation } = await create(freshName());
    const [entry] = await opened.scratch.query(
      'select actor, action, subject, details from audit_log order by seq desc limit 1',
    );
    expect(entry).toMatchObject({
      actor: 'tok_tester',
      action: 'provision',
      subject: operation.clusterId,
      details: { operation: operation.id, generation: 1 },
    });

    await expect(opened.scratch.query(`update audit_log set actor = 'nobody'`)).rejects.toThrow('append-only');
    await expect(opened.scratch.query('delete from audit_log')).rejects.toThrow('append-only');
    await expect(opened.scratch.query('truncate audit_log')).rejects.toThrow('append-only');
    expect(await findAuditBreak(inventory.database)).toBeNull();

    await opened.scratch.query('alter table audit_log disable trigger user');
    await opened.scratch.query(`update audit_log set actor = 'nobody' where seq = 2`);
    expect(await findAuditBreak(inventory.database)).toBe(2);
    await opened.scratch.query(`update audit_log set actor = 'tok_tester' where seq = 2`);
    expect(await findAuditBreak(inventory.database)).toBeNull();
    await opened.scratch.query('delete from audit_log where seq = 2');
    expect(await findAuditBreak(inventory.database)).toBe(3);
  });
});
