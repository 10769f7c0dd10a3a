import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyCommand } from '../../../../activities/secrets/key-command';
import { readKeyFile } from '../../../../activities/secrets/key-file';
import { openKeyring } from '../../../../activities/secrets/keyring';

/** With OpenSSL in the place of a KMS: its key is in a file that Holdfast is never told of. */

let folder: string;
let kms: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-kms-'));
  execFileSync('openssl', ['rand', '-hex', '-out', join(folder, 'kek'), '32']);
  kms = script(`
    openssl='openssl enc -aes-256-cbc -pbkdf2 -a -A -kfile ${folder}/kek'
    case $1 in
      wrap) $openssl -e ;;
      unwrap) $openssl -d ;;
    esac`);
});
afterEach(() => rmSync(folder, { recursive: true }));

let serial = 0;
function script(body: string): string {
  const file = join(folder, `command-${++serial}`);
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o700);
  return file;
}

const KEY = Buffer.alloc(32, 7);

test('a key that is wrapped is unwrapped again, and what it was wrapped to does not tell it', async () => {
  const command = createKeyCommand(kms);
  const wrapped = await command.wrap(KEY);
  expect(await command.unwrap(wrapped)).toEqual(KEY);
  expect(wrapped).not.toContain(KEY.toString('base64'));
  expect(wrapped).not.toBe(await command.wrap(KEY));
});

test('the key file then holds wrapped keys only, and the keyring gives the keys', async () => {
  const home = join(folder, 'home');
  const keyring = await openKeyring({ home, command: kms });
  const key = await keyring.find(await keyring.newest());
  expect(key).toHaveLength(32);
  const file = readFileSync(join(home, 'key'), 'utf8');
  expect(file).toMatch(/^kms:[0-9a-f]{16}:\S+\n$/);
  for (const encoding of ['hex', 'base64'] as const) expect(file).not.toContain(key?.toString(encoding));
  expect(await (await openKeyring({ home, command: kms })).find(await keyring.newest())).toEqual(key);
});

test('a key of the file that was made before there was a command is still read', async () => {
  const home = join(folder, 'home');
  const [line] = await readKeyFile(home, null);
  const keyring = await openKeyring({ home, command: kms });
  expect(await keyring.find(line?.id ?? '')).toEqual(await line?.open());
});

test('the key is in no argument and no environment of the command', async () => {
  const spy = script(`
    cat /proc/$$/cmdline /proc/$$/environ | tr '\\0' '\\n' >>${folder}/seen
    exec ${kms} "$1"`);
  await createKeyCommand(spy).wrap(KEY);
  const seen = readFileSync(join(folder, 'seen'), 'utf8');
  expect(seen).toContain('\nunwrap\n');
  expect(seen).toContain('PATH=');
  for (const encoding of ['hex', 'base64'] as const) expect(seen).not.toContain(KEY.toString(encoding));
});

describe('a command that', () => {
  const cases: [what: string, body: string, why: string][] = [
    ['fails', 'echo "the key is $(cat)"; echo noise >&2; exit 3', 'exit code 3'],
    ['is not there', 'exec /nowhere/kms', 'exit code 127'],
    ['is killed', 'kill -9 $$', 'exit code 137'],
    ['hangs', 'sleep 60', 'did not end within 0.5 s'],
    ['leaves a child that hangs', 'sleep 60 & sleep 60', 'did not end within 0.5 s'],
    ['prints nothing', 'cat >/dev/null', 'one line'],
    ['prints two lines', 'cat >/dev/null; printf "a\\nb\\n"', 'one line'],
    ['prints bytes', 'cat >/dev/null; printf "\\001\\002"', 'one line'],
    ['prints without end', 'yes', 'more than 16384 bytes'],
    ['wraps nothing', 'cat', 'printed the key as it is'],
    ['can not unwrap', 'case $1 in wrap) echo wrapped ;; unwrap) echo rubbish ;; esac', 'not 32 bytes in base64'],
    ['unwraps another key', `case $1 in wrap) echo wrapped ;; unwrap) echo ${'A'.repeat(43)}= ;; esac`, 'another key'],
  ];

  test.each(cases)('%s is told so, without what it printed', async (_what, body, why) => {
    const failure = createKeyCommand(script(body), 500).wrap(KEY);
    await expect(failure).rejects.toMatchObject({ code: 'KEY_COMMAND_FAILED', retryable: true });
    const error: unknown = await failure.catch((caught: unknown) => caught);
    const text = error instanceof Error ? `${error.message} ${error.stack} ${JSON.stringify(error)}` : '';
    expect(text).toContain(why);
    for (const said of [KEY.toString('base64'), 'noise', 'rubbish']) expect(text).not.toContain(said);
  });

  test('hangs is ended with all that it started', async () => {
    const hanging = script(`echo $$ >${folder}/pid; sleep 60 & wait`);
    await expect(createKeyCommand(hanging, 500).wrap(KEY)).rejects.toThrow('did not end');
    const group = readFileSync(join(folder, 'pid'), 'utf8').trim();
    const alive = execFileSync('ps', ['-eo', 'pgid=,stat=,args='], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.trim().startsWith(`${group} `) && !/^\s*\d+\s+Z/.test(line));
    expect(alive).toEqual([]);
  });

  test('unwraps another key than the file names is refused', async () => {
    const home = join(folder, 'home');
    await openKeyring({ home, command: kms });
    const other = script(`case $1 in unwrap) cat >/dev/null; echo ${'A'.repeat(43)}= ;; esac`);
    await expect(openKeyring({ home, command: other })).rejects.toThrow('is it the same command?');
  });
});
