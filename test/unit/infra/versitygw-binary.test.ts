import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { downloadRelease } from '../../../infra/local/versitygw-binary';

/** The program out of a release: of this platform, and only as its checksum says. */

const signal = new AbortController().signal;
let folder: string;
let server: Server;
let release: string;
const files = new Map<string, Buffer>();

beforeAll(async () => {
  server = createServer((request, response) => {
    const content = files.get(request.url ?? '');
    response.writeHead(content ? 200 : 404).end(content);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // Of a server that listens on TCP: never a pipe's name.
  release = `http://127.0.0.1:${port}`;
});
afterAll(() => server.close());
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'release-'))));
afterEach(() => {
  rmSync(folder, { recursive: true });
  files.clear();
});

/** An archive as releases have it. */
async function publish(program: string): Promise<string> {
  const archive = pack();
  archive.entry({ name: 'versitygw_v1/LICENSE' }, 'licence');
  archive.entry({ name: 'versitygw_v1/versitygw', mode: 0o755 }, program);
  archive.finalize();
  const content = gzipSync(await buffer(archive));
  const system = { linux: 'Linux', darwin: 'Darwin' }[process.platform as string] ?? 'none';
  const processor = { x64: 'x86_64', arm64: 'arm64' }[process.arch as string] ?? 'none';
  const name = `versitygw_v1.8.0_${system}_${processor}.tar.gz`;
  const sum = createHash('sha256').update(content).digest('hex');
  files.set(`/${name}`, content);
  files.set('/checksums.txt', Buffer.from(`${'0'.repeat(64)}  other.tar.gz\n${sum}  ${name}\n`));
  return name;
}

test('the program is unpacked and can be run', async () => {
  await publish('#!/bin/sh\n');
  expect(await downloadRelease(release, folder, signal)).toBe(true);
  expect(readFileSync(join(folder, 'versitygw'), 'utf8')).toBe('#!/bin/sh\n');
  expect(statSync(join(folder, 'versitygw')).mode & 0o111).toBe(0o111);
});

test('an archive that is not what its checksum says is not used', async () => {
  const name = await publish('#!/bin/sh\n');
  files.set(`/${name}`, gzipSync('something else'));
  await expect(downloadRelease(release, folder, signal)).rejects.toThrow(/is not what its checksum says/);
  expect(existsSync(join(folder, 'versitygw'))).toBe(false);
});

test('a release that is not there is no failure: there are other ways', async () => {
  expect(await downloadRelease(release, folder, signal)).toBe(false);
  expect(await downloadRelease('http://127.0.0.1:1', folder, signal)).toBe(false);
});
