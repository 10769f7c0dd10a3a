import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadMasterKey } from '../../../../activities/secrets/master-key';
import { loadControlKey, makeHostKey } from '../../../../activities/secrets/ssh-keys';
import { seal, unseal } from '../../../../activities/secrets/envelope';
import { makePassword, scramVerifier } from '../../../../activities/secrets/passwords';

let home: string;
beforeEach(() => {
  home = join(mkdtempSync(join(tmpdir(), 'holdfast-keys-')), 'home');
});
afterEach(() => rmSync(join(home, '..'), { recursive: true }));

describe('the master key', () => {
  test('is made once, for its owner only, also by many at once', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => loadMasterKey(home)));
    expect(keys[0]).toHaveLength(32);
    for (const key of [...keys, await loadMasterKey(home)]) expect(key.equals(keys[0] ?? Buffer.alloc(0))).toBe(true);
    expect(statSync(join(home, 'key')).mode & 0o777).toBe(0o600);
    expect(readdirSync(home)).toEqual(['key']);
  });

  test.each([0o640, 0o604, 0o660])('that others can read (%o) is refused with the remedy', async (mode) => {
    await loadMasterKey(home);
    chmodSync(join(home, 'key'), mode);
    await expect(loadMasterKey(home)).rejects.toThrow(`chmod 600 ${join(home, 'key')}`);
  });

  test('that is damaged is refused and left as it is', async () => {
    await loadMasterKey(home);
    writeFileSync(join(home, 'key'), 'abc');
    await expect(loadMasterKey(home)).rejects.toThrow('restore it from your backup');
    expect(statSync(join(home, 'key')).size).toBe(3);
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

  test('of the same secret is never the same', () => {
    expect(seal(key, ['a'], 'x').ciphertext).not.toEqual(seal(key, ['a'], 'x').ciphertext);
  });
});
