import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { escrowContents } from '../../../../activities/escrow/contents';
import { OPEN_COMMAND, writeKeyFile } from '../../../../activities/escrow/key-file';
import { lineageOn } from '../../../support/lineage';
import { viewOf } from '../../../support/view';

/** The key file is opened by openssl alone, and holds what a rescue needs. */

const PASSPHRASE = "it's a long passphrase, $HOME";
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-escrow-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** As the head of the file says. */
function open(file: string, passphrase: string): string {
  writeFileSync(join(folder, 'passphrase'), `${passphrase}\n`);
  writeFileSync(join(folder, 'file'), file);
  const command = `sed '1,/^$/d' file | ${OPEN_COMMAND} -pass file:passphrase`;
  return execFileSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

test('openssl opens it with the passphrase, and its last line is the sum of all others', () => {
  const text = 'holdfast-escrow 1\ncluster orders\n';
  const file = writeKeyFile(['Holdfast escrow 1', 'Cluster: orders'], text, PASSPHRASE);
  expect(file.split('\n').slice(0, 3)).toEqual(['Holdfast escrow 1', 'Cluster: orders', '']);
  for (const line of file.split('\n').slice(3)) expect(line.length).toBeLessThanOrEqual(64);
  expect(open(file, PASSPHRASE)).toBe(`${text}sha256 ${createHash('sha256').update(text).digest('hex')}\n`);
});

test('two files of one text have nothing in common, and another passphrase does not open one', () => {
  const [one, another] = [writeKeyFile([], 'text\n', PASSPHRASE), writeKeyFile([], 'text\n', PASSPHRASE)];
  expect(one.slice(20)).not.toBe(another.slice(20));
  const opened = ((): string => {
    try {
      return open(one, 'another passphrase');
    } catch {
      return '';
    }
  })();
  expect(opened).not.toContain('text');
});

test('the contents are all that a rescue needs, one thing a line', () => {
  const { cluster } = viewOf('sandbox');
  const contents = escrowContents(cluster, lineageOn(['primary', 'offsite']), '2026-11-21T12:00:00.000Z');
  const lines = contents.split('\n');
  expect(lines.slice(0, 8)).toEqual([
    'holdfast-escrow 1',
    'cluster orders',
    'exported 2026-11-21T12:00:00.000Z',
    'stanza tl_0000000000000000000000000a',
    'major 18',
    'database app',
    'site 1 primary https://primary.example.net:7443',
    'site 2 offsite https://offsite.example.net',
  ]);
  const files = lines.filter((line) => line.startsWith('file ')).map((line) => line.split(' '));
  expect(files.map(([, path]) => path)).toEqual(['/etc/holdfast/sites/primary.crt', '/etc/pgbackrest/rescue.conf']);
  const config = Buffer.from(files[1]?.[2] ?? '', 'base64').toString();
  for (const line of [
    'repo1-s3-key-secret=secret-primary',
    'repo2-s3-endpoint=offsite.example.net',
    'repo1-cipher-pass=PASSPHRASE',
  ])
    expect(config.split('\n')).toContain(line);
  expect(config).not.toContain('retention');
});
