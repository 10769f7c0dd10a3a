import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import type { Header } from 'tar-stream';
import { ARCHIVE_PROGRAM } from '../../../../activities/dumps/archive-program';
import type { TlsStore } from '../../../support/tls-store';
import { startTlsStore } from '../../../support/tls-store';

/** The program that makes one archive of a dump, and a store that keeps what it is sent. */

const folder = mkdtempSync(join(tmpdir(), 'archive-'));
const at = (path: string): string => join(folder, path);
let store: TlsStore;
let url: string;
let ca: string;
let stored = Buffer.alloc(0);

beforeAll(async () => {
  store = await startTlsStore((request, response) => {
    if (request.method === 'GET') return void response.end(stored);
    void buffer(request).then((body) => {
      stored = Buffer.from(body);
      response.end();
    });
  });
  ({ ca } = store);
  url = `${store.url}/bucket/key?X-Amz-Signature=secret`;
});
afterAll(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

async function run(verb: string, where: string, input: object): Promise<string> {
  const program = spawn('python3', ['-c', ARCHIVE_PROGRAM, verb, at(where)], { stdio: ['pipe', 'pipe', 'inherit'] });
  program.stdin.end(JSON.stringify(input));
  return text(program.stdout);
}

const summed = (content: Buffer): { sizeBytes: number; checksum: string } => ({
  sizeBytes: content.length,
  checksum: createHash('sha256').update(content).digest('hex'),
});

/** What `fetch` says of an archive with that one entry. */
async function fetchOne(entry: Partial<Header> & Pick<Header, 'name'>, into: string): Promise<string> {
  const archive = pack();
  archive.entry(entry, entry.type === undefined ? 'content' : '');
  archive.finalize();
  stored = await buffer(archive);
  mkdirSync(at(into));
  return run('fetch', into, { url, ca, ...summed(stored) });
}

test('what is sent is what was sealed, and it is fetched as it was', async () => {
  mkdirSync(at('content/databases/1'), { recursive: true });
  writeFileSync(at('content/databases/1/toc.dat'), 'x'.repeat(3_000_000));
  writeFileSync(at('content/roles.sql'), 'CREATE ROLE app;');
  expect(await run('seal', 'content', { about: { dump: 'dmp_1' }, names: ['app'] })).toBe('');
  const seal = JSON.parse(readFileSync(at('content.sealed'), 'utf8')) as ReturnType<typeof summed>;
  const sent = await run('send', 'content', { urls: [url], partBytes: 2 ** 26, ca });
  expect(sent).toBe(`${seal.sizeBytes} of ${seal.sizeBytes} bytes\n`);
  expect(summed(stored)).toEqual({ sizeBytes: seal.sizeBytes, checksum: seal.checksum });
  mkdirSync(at('fetched'));
  expect(await run('fetch', 'fetched', { url, ca, ...summed(stored) })).not.toMatch(/ERROR/);
  for (const path of ['databases/1/toc.dat', 'roles.sql', 'manifest.json'])
    expect(readFileSync(at(`fetched/${path}`)).equals(readFileSync(at(`content/${path}`)))).toBe(true);
});

test('a store that gives more than was stored is not listened to', async () => {
  stored = Buffer.alloc(50_000_000);
  mkdirSync(at('more'));
  const said = await run('fetch', 'more', { url, ca, sizeBytes: 10_240, checksum: '' });
  expect(said).toMatch(/^ERROR: the store gives more than was stored$/m);
});

test.each([
  ['a file outside', { name: '../outside' }],
  ['a file that is none of a dump', { name: 'full' }],
  ['a folder above', { name: 'databases/1/..', type: 'directory' }],
  ['a link', { name: 'databases/1/toc.dat', type: 'symlink', linkname: '/etc/passwd' }],
] as const)('%s in it ends the fetch', async (title, entry) => {
  expect(await fetchOne(entry, title)).toMatch(/^ERROR: there is something in it that is not of a dump$/m);
  expect(existsSync(at('outside'))).toBe(false);
});

test('a file that has not the bytes that were stored ends the fetch', async () => {
  expect(await fetchOne({ name: 'roles.sql' }, 'whole')).not.toMatch(/ERROR/);
  const { sizeBytes } = summed(stored);
  mkdirSync(at('altered'));
  expect(await run('fetch', 'altered', { url, ca, sizeBytes, checksum: 'another' })).toMatch(/its checksum is another/);
});
