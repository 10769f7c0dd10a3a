import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readKeyFile } from '../../../../activities/secrets/key-file';
import { loadControlKey, makeHostKey } from '../../../../activities/secrets/ssh-keys';
import { keyIdOf, rewrap, seal, unseal } from '../../../../activities/secrets/envelope';
import { makePassword, scramVerifier } from '../../../../activities/secrets/passwords';

let home: string;
beforeEach(() => {
  home = join(mkdtempSync(join(tmpdir(), 'holdfast-keys-')), 'home');
});
afterEach(() => rmSync(join(home, '..'), { recursive: true }));

describe('the master key', () => {
  const load = () => readKeyFile(home, null);

  test('is made once, for its owner only, also by many at once', async () => {
    const files = await Promise.all(Array.from({ length: 20 }, load));
    const keys = await Promise.all([...files, await load()].flatMap(([line]) => (line ? [line.open()] : [])));
    expect(keys).toHaveLength(21);
    expect(keys[0]).toHaveLength(32);
    for (const key of keys) expect(key).toEqual(keys[0]);
    expect(statSync(join(home, 'key')).mode & 0o777).toBe(0o600);
    expect(readdirSync(home)).toEqual(['key']);
  });

  test.each([0o640, 0o604, 0o660])('that others can read (%o) is refused with the remedy', async (mode) => {
    await load();
    chmodSync(join(home, 'key'), mode);
    await expect(load()).rejects.toThrow(`chmod 600 ${join(home, 'key')}`);
  });

  test.each(['abc', '', '\n', `${'0'.repeat(64)}\nabc\n`, 'kms:x:y', `kms:${'0'.repeat(16)}:`])(
    'that is damaged (%j) is refused and left as it is',
    async (text) => {
      await load();
      writeFileSync(join(home, 'key'), text);
      await expect(load()).rejects.toThrow('restore it from your backup');
      expect(readFileSync(join(home, 'key'), 'utf8')).toBe(text);
    },
  );

  test('that a command wrapped is not taken for anything else without it', async () => {
    await load();
    writeFileSync(join(home, 'key'), `kms:${'0'.repeat(16)}:wrapped\n`);
    const [line] = await load();
    await expect(line?.open()).rejects.toThrow('HOLDFAST_KEY_COMMAND');
  });
});

describe('SSH keys', () => {
  test('the control key is made once, for its owner only, also by many at once', async () => {
    const keys = await Promise.all(Array.from({ length: 10 }, () => loadControlKey(home)));
    expect(new Set([...keys, await loadControlKey(home)].map(({ publicLine }) => publicLine)).size).toBe(1);
    expect(statSync(join(home, 'ssh', 'control_ed25519')).mode & 0o777).toBe(0o600);
  });

  test('host keys differ, and ssh-keygen reads each public line from its private key', () => {
    const [first, second] = [makeHostKey(), makeHostKey()];
    expect(first.publicLine).not.toBe(second.publicLine);
    const file = join(home, '..', 'host_key');
    writeFileSync(file, first.privatePem, { mode: 0o600 });
    const [type, key] = execFileSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' }).trim().split(' ');
    expect(`${type} ${key}`).toBe(first.publicLine.split(' ').slice(0, 2).join(' '));
    expect(type).toBe('ssh-ed25519');
    expect(existsSync(file)).toBe(true);
  });

  test('none of very many lacks a byte', () => {
    const keys = Array.from({ length: 3_000 }, () => makeHostKey());
    const sizes = keys.map(({ publicLine }) => Buffer.from(publicLine.split(' ')[1] ?? '', 'base64').length);
    // Two lengths, the name of the type and 32 bytes of key.
    expect(new Set(sizes)).toEqual(new Set([4 + 'ssh-ed25519'.length + 4 + 32]));
  });
});

describe('passwords', () => {
  test('are 32 url-safe characters, each time others', () => {
    const made = Array.from({ length: 100 }, makePassword);
    for (const password of made) expect(password).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(new Set(made).size).toBe(100);
  });

  test('that SASLprep might change get no verifier', async () => {
    await expect(scramVerifier('pässword')).rejects.toThrow(RangeError);
    await expect(scramVerifier('')).rejects.toThrow(RangeError);
  });
});

describe('an envelope', () => {
  const key = Buffer.alloc(32, 1);

  test('opens for its key and its place only', () => {
    const place = ['prj_1', 'clu_1', 'ca', 1];
    const envelope = seal(key, place, 'the secret');
    expect(unseal(key, place, envelope)).toBe('the secret');
    expect(() => unseal(Buffer.alloc(32, 2), place, envelope)).toThrow('another master key');
    for (const other of [
      ['prj_2', 'clu_1', 'ca', 1],
      ['prj_1', 'clu_2', 'ca', 1],
      ['prj_1', 'clu_1', 'cb', 1],
      ['prj_1', 'clu_1', 'ca', 2],
    ]) {
      expect(() => unseal(key, other, envelope)).toThrow();
    }
  });

  test('places whose parts join to the same text stay apart', () => {
    const envelope = seal(key, ['a', 'b|c'], 'x');
    expect(() => unseal(key, ['a|b', 'c'], envelope)).toThrow();
  });

  test('shows each changed bit', () => {
    const envelope = seal(key, ['a'], 'the secret');
    for (const field of ['ciphertext', 'wrappedKey'] as const) {
      for (let i = 0; i < envelope[field].length; i++) {
        const changed = Buffer.from(envelope[field]);
        changed.writeUInt8(changed.readUInt8(i) ^ 1, i);
        expect(() => unseal(key, ['a'], { ...envelope, [field]: changed })).toThrow();
      }
    }
  });

  test('that is encrypted anew opens under the new key only, and its ciphertext stays', () => {
    const [other, place] = [Buffer.alloc(32, 2), ['clu_1', 'ca', 1]];
    const before = seal(key, place, 'the secret');
    const after = rewrap(key, other, place, before);
    expect(after).toMatchObject({ keyId: keyIdOf(other), ciphertext: before.ciphertext });
    expect(unseal(other, place, after)).toBe('the secret');
    expect(() => unseal(key, place, after)).toThrow('another master key');
    expect(() => unseal(key, place, { ...after, keyId: before.keyId })).toThrow();
    expect(() => rewrap(key, other, ['clu_2', 'ca', 1], before)).toThrow();
    expect(() => rewrap(key, other, place, { ...before, ciphertext: Buffer.alloc(40) })).toThrow();
  });

  test('of the same secret is never the same', () => {
    expect(seal(key, ['a'], 'x').ciphertext).not.toEqual(seal(key, ['a'], 'x').ciphertext);
  });
});
