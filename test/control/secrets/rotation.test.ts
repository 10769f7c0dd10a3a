import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload } from '@temporalio/common';
import { createHistoryKeys } from '../../../activities/secrets/history-keys';
import { readKeyFile } from '../../../activities/secrets/key-file';
import type { Keyring } from '../../../activities/secrets/keyring';
import { openKeyring } from '../../../activities/secrets/keyring';
import { currentKey } from '../../../activities/secrets/master-keys';
import { createPayloadCodec } from '../../../activities/secrets/payload-codec';
import { prepareMasterKey, rotateMasterKey } from '../../../activities/secrets/rotate';
import type { RotateOptions } from '../../../activities/secrets/rotate';
import type { SecretRef, SecretStore } from '../../../activities/secrets/secrets';
import { createSecretStore } from '../../../activities/secrets/store';
import { compiled } from '../../../infra/local/project';
import type { ScratchInventory } from '../../support/inventory';
import { newCluster, newSubmission, openScratchInventory } from '../../support/inventory';

/** Rotation of the master key: nothing is lost whatever happens in the middle, and nobody who works meanwhile notices. */

jest.setTimeout(120_000);

let opened: ScratchInventory;
let home: string;
let cluster: SecretRef;
let names: string[];

const options = (): RotateOptions => ({ home, command: null, database: opened.inventory.database, batch: 2 });
const open = async () => {
  const keyring = await openKeyring({ home, command: null });
  const { database } = opened.inventory;
  const keys = createHistoryKeys(database, keyring, 0);
  return { keyring, store: createSecretStore(database, keyring), codec: createPayloadCodec(keys) };
};
const ref = (name: string): SecretRef => ({ ...cluster, name });
const readAll = (store: SecretStore): Promise<string[]> => Promise.all(names.map((name) => store.read(ref(name))));
const expected = (): string[] => names.map((name) => `secret of ${name}`);
const fileIds = async (): Promise<string[]> => (await readKeyFile(home, null)).map(({ id }) => id);
const decoded = (payloads: Payload[]): unknown[] => payloads.map((one) => defaultPayloadConverter.fromPayload(one));

beforeEach(async () => {
  opened = await openScratchInventory();
  home = join(mkdtempSync(join(tmpdir(), 'holdfast-rotation-')), 'home');
  const made = newCluster(opened.project, 'orders');
  await opened.inventory.operations.submitCreate(made, newSubmission(made));
  cluster = { projectId: made.projectId, clusterId: made.id, name: '' };
  names = Array.from({ length: 7 }, (_, i) => `role/${i}`);
  const { store } = await open();
  for (const name of names) await store.ensure(ref(name), () => `secret of ${name}`);
});
afterEach(async () => {
  await opened.close();
  rmSync(join(home, '..'), { recursive: true });
});

test('every secret is under the new key, which alone is in the file; ciphertexts stay', async () => {
  const [before] = await fileIds();
  const ciphertexts = () => opened.scratch.query('select name, ciphertext from secrets order by name');
  const was = await ciphertexts();
  const rotation = await rotateMasterKey(options());
  expect(rotation).toMatchObject({ finishedOnly: false, rewrapped: names.length });
  expect(await fileIds()).toEqual([rotation.keyId]);
  expect(rotation.keyId).not.toBe(before);
  expect(await opened.scratch.query('select distinct key_id from secrets')).toEqual([{ key_id: rotation.keyId }]);
  expect(await opened.scratch.query('select id, current from master_keys')).toEqual([
    { id: rotation.keyId, current: true },
  ]);
  expect(await ciphertexts()).toEqual(was);
  expect(await readAll((await open()).store)).toEqual(expected());
  expect(statSync(join(home, 'key')).mode & 0o777).toBe(0o600);
});

test('the old key opens nothing any more', async () => {
  const old = await (await readKeyFile(home, null))[0]?.open();
  copyFileSync(join(home, 'key'), join(home, '..', 'old'));
  await rotateMasterKey(options());
  copyFileSync(join(home, '..', 'old'), join(home, 'key'));
  expect(await (await readKeyFile(home, null))[0]?.open()).toEqual(old);
  const { store, keyring } = await open();
  await expect(readAll(store)).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
  await expect(currentKey(opened.inventory.database, keyring)).rejects.toMatchObject({ code: 'MASTER_KEY_MISSING' });
  // Nor is it brought back by who slept through the rotation.
  await expect(store.ensure(ref('late'), () => 'x')).rejects.toMatchObject({ code: 'MASTER_KEY_MISSING' });
});

describe('that is killed', () => {
  const rotate = (after: number): { done: string[]; killed: boolean } => {
    const args = [compiled('test', 'system', 'support', 'rotate-killed.js'), home, String(after)];
    const env = { ...process.env, DATABASE_URL: opened.scratch.url };
    const { stdout, signal, status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
    if (signal === null && status !== 0) throw new Error(stderr);
    return { done: stdout.trim().split('\n'), killed: signal === 'SIGKILL' };
  };

  test('after each thing that it does loses nothing, and the next call ends that very rotation', async () => {
    const [encoded] = await (await open()).codec.encode([defaultPayloadConverter.toPayload('old')]);
    const historyKeyId = Buffer.from(encoded?.metadata?.['encryption-key-id'] ?? []).toString();
    const phases = new Set<string>();
    for (let after = 1; ; after++) {
      const [before] = await fileIds();
      const { done, killed } = rotate(after);
      phases.add((done.at(-1) ?? '').replaceAll(/[0-9a-f]{16}/g, 'K'));
      if (!killed) break;
      const [kept] = [await open()];
      expect([after, await readAll(kept.store)]).toEqual([after, expected()]);
      const prepared = (await fileIds()).at(-1);
      expect(prepared).not.toBe(before);

      const rotation = await rotateMasterKey(options());
      expect([after, rotation.keyId, await fileIds()]).toEqual([
        after,
        // The last thing was the last: then the call begins the next rotation.
        done.at(-1) === 'the old key is out of the key file' ? rotation.keyId : prepared,
        [rotation.keyId],
      ]);
      // Processes that ran all the time, and ones that start now.
      for (const { store, codec } of [kept, await open()]) {
        expect(await readAll(store)).toEqual(expected());
        expect(decoded(await codec.decode(encoded ? [encoded] : []))).toEqual(['old']);
      }
      // Each rotation leaves a key of histories: without this each would have one thing more to do than the one before.
      await opened.scratch.query('delete from history_keys where id <> $1', [historyKeyId]);
    }
    expect([...phases]).toEqual([
      'new key K is in the key file',
      'key K is in use',
      '2 more encrypted under key K',
      '1 more encrypted under key K',
      'no secret is encrypted under another key',
      'the old key is out of the key file',
    ]);
  });
});

test('whoever reads and writes meanwhile notices nothing, rotation after rotation', async () => {
  const { store, codec } = await open();
  const [encoded] = await codec.encode([defaultPayloadConverter.toPayload('old')]);
  let over = false;
  let rounds = 0;
  const made: string[] = [];
  const work = async (): Promise<void> => {
    while (!over) {
      const name = `made-meanwhile/${++rounds}`;
      expect(await store.ensure(ref(name), () => `secret of ${name}`)).toBe(`secret of ${name}`);
      made.push(name);
      expect(await readAll(store)).toEqual(expected());
      expect(decoded(await codec.decode(encoded ? [encoded] : []))).toEqual(['old']);
      expect(decoded(await codec.decode(await codec.encode([defaultPayloadConverter.toPayload('new')])))).toEqual([
        'new',
      ]);
    }
  };
  const rotations = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await rotateMasterKey({ ...options(), batch: 20 });
    over = true;
  };
  await Promise.all([work(), work(), rotations()]).finally(() => (over = true));
  expect(rounds).toBeGreaterThan(4);
  names = [...names, ...made];
  expect(await readAll((await open()).store)).toEqual(expected());
  expect(await fileIds()).toHaveLength(1);
});

test('a secret that was encrypted in the very moment in which its key goes is encrypted under the new one', async () => {
  const { keyring } = await open();
  let rotations = 0;
  // The key is chosen; then, before anything is written under it, a whole rotation passes.
  const slow: Keyring = {
    newest: () => keyring.newest(),
    find: async (id) => {
      const key = await keyring.find(id);
      if (rotations++ === 0) await rotateMasterKey(options());
      return key;
    },
  };
  const store = createSecretStore(opened.inventory.database, slow);
  expect(await store.ensure(ref('slow'), () => 'secret of slow')).toBe('secret of slow');
  expect(rotations).toBeGreaterThan(1);
  expect(await opened.scratch.query('select distinct key_id from secrets')).toEqual([{ key_id: (await fileIds())[0] }]);
  await expect(
    opened.scratch.query(
      `insert into secrets (project_id, cluster_id, name, version, key_id, wrapped_key, ciphertext)
       select $1, $2, 'stale', 1, 'a retired key', '', ''`,
      [cluster.projectId, cluster.clusterId],
    ),
  ).rejects.toThrow('secrets_master_key');
});

test('two at once come one after the other', async () => {
  const both = await Promise.all([rotateMasterKey(options()), rotateMasterKey(options())]);
  expect(new Set(both.map(({ keyId }) => keyId)).size).toBe(2);
  expect(await readAll((await open()).store)).toEqual(expected());
  expect(await fileIds()).toHaveLength(1);
});

test('a secret that can not be opened stops it, and the key that it needs is kept', async () => {
  const [before] = await fileIds();
  await opened.scratch.query(`update secrets set name = 'role/moved' where name = 'role/3'`);
  await expect(rotateMasterKey(options())).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
  expect(await fileIds()).toContain(before);
  await opened.scratch.query(`update secrets set name = 'role/3' where name = 'role/moved'`);
  expect(await rotateMasterKey(options())).toMatchObject({ finishedOnly: true });
  expect(await readAll((await open()).store)).toEqual(expected());
});

test('a key that was prepared is used by nobody until the rotation takes that very one', async () => {
  const [before] = await fileIds();
  const id = await prepareMasterKey(options());
  expect(await prepareMasterKey(options())).toBe(id);
  const { store, keyring } = await open();
  await store.ensure(ref('meanwhile'), () => 'x');
  expect((await currentKey(opened.inventory.database, keyring)).id).toBe(before);
  expect((await rotateMasterKey(options())).keyId).toBe(id);
});

test('with a command, the new key is wrapped by it, and the secrets that were under a plain one are read', async () => {
  const command = join(home, 'kms');
  // What wraps is no matter here, only that nothing else can read it.
  writeFileSync(command, '#!/bin/sh\nif [ "$1" = wrap ]; then printf "x%s" "$(rev)"; else sed "s/^x//" | rev; fi\n', {
    mode: 0o700,
  });
  await rotateMasterKey({ ...options(), command });
  expect(readFileSync(join(home, 'key'), 'utf8')).toMatch(/^kms:[0-9a-f]{16}:x=\S{43}\n$/);
  const store = createSecretStore(opened.inventory.database, await openKeyring({ home, command }));
  expect(await readAll(store)).toEqual(expected());
});

test('an inventory never takes another installation’s key beside its own', async () => {
  const stranger = join(home, '..', 'stranger');
  const keyring = await openKeyring({ home: stranger, command: null });
  await expect(
    createSecretStore(opened.inventory.database, keyring).ensure(ref('new'), () => 'x'),
  ).rejects.toMatchObject({
    code: 'MASTER_KEY_MISSING',
  });
});

test('the command lists the keys and rotates them, and says nothing of the keys themselves', async () => {
  const before = await fileIds();
  const secret = readFileSync(join(home, 'key'), 'utf8').trim();
  const holdfast = (...args: string[]) => {
    const env = { ...process.env, HOLDFAST_HOME: home, DATABASE_URL: opened.scratch.url };
    // A home is known by its token, which is not used here.
    writeFileSync(join(home, 'token'), 'hft_none', { mode: 0o600 });
    const { status, stdout, stderr } = spawnSync(process.execPath, [compiled('api', 'cli', 'main.js'), ...args], {
      env,
      encoding: 'utf8',
    });
    expect([args, status, stderr]).toEqual([args, 0, expect.any(String)]);
    return { stdout, said: `${stdout}${stderr}` };
  };
  expect(JSON.parse(holdfast('key', 'list', '--output', 'json').stdout)).toEqual([
    { id: before[0], kept: 'in the key file', state: 'in use' },
  ]);
  const prepared = holdfast('key', 'rotate', '--prepare').stdout.trim();
  expect(holdfast('key', 'list').said).toContain('not used');
  const rotated = holdfast('key', 'rotate');
  expect(rotated.stdout.trim()).toBe(prepared);
  expect(await fileIds()).toEqual([prepared]);
  expect(rotated.said).not.toContain(secret);
  expect(rotated.said).not.toContain(readFileSync(join(home, 'key'), 'utf8').trim());
  expect(await readAll((await open()).store)).toEqual(expected());
  expect(await opened.scratch.query(`select action, subject from audit_log where action like 'rotate%'`)).toEqual([
    { action: 'rotate master key', subject: prepared },
  ]);
});
