import { migrate } from '../../../activities/inventory/migrate';
import { createInventory } from '../../../activities/inventory/open';
import { createSecretStore } from '../../../activities/secrets/store';
import { scramVerifier, makePassword } from '../../../activities/secrets/passwords';
import { Client } from 'pg';
import { keyringOf } from '../../support/keyring';
import { createTestDatabase } from '../../support/database';
import type { TestDatabase } from '../../support/database';
import { eventually } from '../../support/eventually';
import { freePort } from '../../support/free-port';
import { newCluster, newId, newSubmission } from '../../support/inventory';

let scratch: TestDatabase;

beforeEach(async () => {
  scratch = await createTestDatabase();
});
afterEach(() => scratch.drop());

describe('migrations', () => {
  test('run once, also when five processes start at once', async () => {
    const applied = await Promise.all(Array.from({ length: 5 }, () => migrate(scratch.url)));
    const names = applied.flat();
    expect(names).toEqual([...new Set(names)]);
    expect(names).toContain('001-inventory.sql');
    expect(await migrate(scratch.url)).toEqual([]);
  });

  test('tell a database that is not there as UNAVAILABLE', async () => {
    const url = new URL(scratch.url);
    url.port = String(await freePort());
    await expect(migrate(url.href)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('a database that goes away', () => {
  test('makes calls fail as UNAVAILABLE, and the next one works again', async () => {
    await migrate(scratch.url);
    const inventory = createInventory(scratch.url);
    await inventory.projects.ensure('default');
    const hanging = inventory.database.run('select pg_sleep(30)');
    hanging.catch(() => undefined);
    const others = `datname = current_database() and pid <> pg_backend_pid() and application_name = 'holdfast'`;
    const sleeps = `select 1 from pg_stat_activity where ${others} and query like '%pg_sleep%'`;
    await eventually(async () => (await scratch.query(sleeps)).length > 0);
    await scratch.query(`select pg_terminate_backend(pid) from pg_stat_activity where ${others}`);
    await expect(hanging).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect((await inventory.projects.ensure('default')).name).toBe('default');
    expect(await inventory.ping()).toBe(true);
    await inventory.close();
  });

  test('is told by ping, and by every call, when nothing listens', async () => {
    const url = new URL(scratch.url);
    url.port = String(await freePort());
    const inventory = createInventory(url.href);
    expect(await inventory.ping()).toBe(false);
    await expect(inventory.clusters.get(newId('clu'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(inventory.clusters.updateSpec(newId('clu'), null, {})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await inventory.close();
  });
});

test('tokens are found by their hash, touched, listed and revoked within their project', async () => {
  await migrate(scratch.url);
  const inventory = createInventory(scratch.url);
  const [own, other] = [await inventory.projects.ensure('a'), await inventory.projects.ensure('b')];
  expect(await inventory.projects.ensure('a')).toEqual(own);
  const token = {
    id: newId('tok'),
    projectId: own.id,
    name: 'laptop',
    scopes: ['clusters:read'],
    expiresAt: '2030-01-01T00:00:00.000Z',
  } as const;
  const created = await inventory.tokens.create({ ...token, hash: 'ab12' });
  expect(created).toMatchObject({ ...token, revokedAt: null, lastUsedAt: null });
  expect(await inventory.tokens.findByHash('ab12')).toEqual({ ...created, projectName: 'a' });
  expect(await inventory.tokens.findByHash('ab13')).toBeNull();

  const lastUsed = async (): Promise<string | null> => (await inventory.tokens.findByHash('ab12'))?.lastUsedAt ?? null;
  await inventory.tokens.touch(created);
  const used = await lastUsed();
  expect(used).toEqual(expect.any(String));
  // Neither whoever has not seen that it was touched nor whoever has writes again within the minute.
  for (const lastUsedAt of [null, used]) await inventory.tokens.touch({ id: token.id, lastUsedAt });
  expect(await lastUsed()).toBe(used);
  await scratch.query(`update tokens set last_used_at = now() - interval '2 minutes' where hash = 'ab12'`);
  const before = await lastUsed();
  await inventory.tokens.touch({ id: token.id, lastUsedAt: before });
  expect(await lastUsed()).not.toBe(before);

  expect(await inventory.tokens.revoke(other.id, token.id)).toBe(false);
  expect(await inventory.tokens.list(other.id)).toEqual([]);
  expect(await inventory.tokens.revoke(own.id, token.id)).toBe(true);
  expect((await inventory.tokens.list(own.id))[0]?.revokedAt).toEqual(expect.any(String));
  await inventory.close();
});

test('the image recorded last is the current one, each cloud for itself', async () => {
  await migrate(scratch.url);
  const inventory = createInventory(scratch.url);
  const catalogue = {
    format: 1,
    builtAt: '2026-01-01',
    debian: '13',
    postgresql: { 15: '15.20', 17: '17.12', 18: '18.6' },
    tools: { patroni: '4.1.5' },
  } as const;
  expect(await inventory.images.current('docker')).toBeNull();
  for (const reference of ['one', 'two', 'one']) await inventory.images.record('docker', reference, catalogue);
  expect(await inventory.images.current('docker')).toEqual({ reference: 'one', catalogue });
  await inventory.close();
});

describe('secrets', () => {
  const key = Buffer.alloc(32, 7);
  const setUp = async () => {
    await migrate(scratch.url);
    const inventory = createInventory(scratch.url);
    const project = await inventory.projects.ensure('default');
    const refs = await Promise.all(
      ['a', 'b'].map(async (name) => {
        const cluster = newCluster(project.id, name);
        await inventory.operations.submitCreate(cluster, newSubmission(cluster));
        return { projectId: project.id, clusterId: cluster.id, name: 'role/app' };
      }),
    );
    const [first, second] = refs;
    if (!first || !second) throw new Error('no clusters');
    return { inventory, store: createSecretStore(inventory.database, keyringOf(key)), first, second };
  };

  test('are made once, also by ten at once, and read until they are deleted', async () => {
    const { inventory, store, first, second } = await setUp();
    const made = await Promise.all(Array.from({ length: 10 }, () => store.ensure(first, makePassword)));
    expect(new Set(made).size).toBe(1);
    expect(await store.read(first)).toBe(made[0]);
    await store.ensure(second, () => 'other');
    await store.deleteOwn(first.clusterId);
    await expect(store.read(first)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await store.read(second)).toBe('other');
    await inventory.close();
  });

  test('stand in the table encrypted only', async () => {
    const { inventory, store, first } = await setUp();
    await store.ensure(first, () => 'hunter2-hunter2-hunter2');
    const [row] = await scratch.query<{ text: string; bytes: Buffer }>(
      `select secrets::text as text, ciphertext || wrapped_key as bytes from secrets`,
    );
    expect(row?.text).not.toContain('hunter2');
    expect(row?.bytes.includes('hunter2')).toBe(false);
    expect(row?.bytes.includes(key)).toBe(false);
    await inventory.close();
  });

  test('are refused with another master key, and when rows were swapped between clusters or names', async () => {
    const { inventory, store, first, second } = await setUp();
    await store.ensure(first, () => 'of the first');
    const refused = { code: 'SECRET_UNREADABLE', retryable: false };
    await expect(
      createSecretStore(inventory.database, keyringOf(Buffer.alloc(32, 8))).read(first),
    ).rejects.toMatchObject(refused);

    await scratch.query('update secrets set cluster_id = $1', [second.clusterId]);
    await expect(store.read(second)).rejects.toMatchObject(refused);
    await scratch.query(`update secrets set cluster_id = $1, name = 'role/admin'`, [first.clusterId]);
    await expect(store.read({ ...first, name: 'role/admin' })).rejects.toMatchObject(refused);
    await scratch.query(`update secrets set name = 'role/app', version = 2`);
    await expect(store.read(first)).rejects.toMatchObject(refused);
    await scratch.query(`update secrets set version = 1`);
    expect(await store.read(first)).toBe('of the first');
    await inventory.close();
  });
});

test('PostgreSQL takes a SCRAM verifier, lets its password in and no other', async () => {
  const role = `holdfast_test_${newId('tok').slice(-10)}`;
  const password = makePassword();
  await scratch.query(`create role ${role} login password '${await scramVerifier(password)}'`);
  try {
    const [stored] = await scratch.query<{ kind: string }>(
      `select left(rolpassword, 13) as kind from pg_authid where rolname = '${role}'`,
    );
    expect(stored?.kind).toBe('SCRAM-SHA-256');
    expect(await loginAs(role, password)).toBe(role);
    await expect(loginAs(role, 'wrong')).rejects.toMatchObject({ code: '28P01' });
  } finally {
    await scratch.query(`drop role ${role}`);
  }
});

async function loginAs(role: string, password: string): Promise<string | undefined> {
  const url = new URL(scratch.url);
  url.username = role;
  url.password = password;
  const client = new Client({ connectionString: url.href });
  await client.connect();
  try {
    return (await client.query<{ role: string }>('select current_user as role')).rows[0]?.role;
  } finally {
    await client.end();
  }
}
