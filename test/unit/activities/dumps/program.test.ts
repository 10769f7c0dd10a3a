import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ARCHIVE_PROGRAM } from '../../../../activities/dumps/archive-program';
import { partBytes } from '../../../../activities/dumps/store';

/** The program that makes one archive of a dump, as far as it needs no store. */

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'archive-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (verb: string, where: string, input: object): ReturnType<typeof spawnSync> =>
  spawnSync('python3', ['-c', ARCHIVE_PROGRAM, verb, where], { input: JSON.stringify(input), encoding: 'utf8' });

function seal(names: readonly string[]): { dump: string; databases: string[]; sizeBytes: number; checksum: string } {
  const { status, stdout } = run('seal', join(folder, 'content'), { about: { format: 1, dump: 'dmp_1' }, names });
  expect([status, stdout]).toEqual([0, '']);
  return JSON.parse(readFileSync(join(folder, 'content.sealed'), 'utf8')) as ReturnType<typeof seal>;
}

function write(path: string, content: string): void {
  const file = join(folder, 'content', path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, content);
}

test('its size and checksum follow from the files alone, whatever is done with them', () => {
  write('databases/1/toc.dat', 'toc');
  write('databases/1/3001.dat.zst', 'x'.repeat(70_000));
  const first = seal(['app']);
  expect(seal(['app'])).toEqual(first);
  expect(first).toMatchObject({ dump: 'dmp_1', databases: ['app'] });
  expect(first.sizeBytes % 512).toBe(0);
  write('databases/1/toc.dat', 'tic');
  expect(seal(['app']).checksum).not.toBe(first.checksum);
});

test('databases that were gone are not in it, and the others are counted anew', () => {
  write('databases/2/toc.dat', 'second');
  write('databases/3/toc.dat', 'third');
  expect(seal(['gone', `it's "odd"`, 'ünï']).databases).toEqual([`it's "odd"`, 'ünï']);
  expect(readFileSync(join(folder, 'content/databases/1/toc.dat'), 'utf8')).toBe('second');
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'content/manifest.json'), 'utf8'));
  expect(manifest).toEqual({ format: 1, dump: 'dmp_1', databases: [`it's "odd"`, 'ünï'] });
});

test('a store that does not answer is told without the URL', () => {
  write('databases/1/toc.dat', 'toc');
  const url = 'https://127.0.0.1:1/bucket/key?X-Amz-Signature=secret';
  const { status, stdout } = run('fetch', folder, { url, sizeBytes: 1, checksum: '', ca: null });
  expect(status).toBe(1);
  expect(stdout).toMatch(/^ERROR: /);
  expect(stdout).not.toMatch(/secret|bucket/);
});

test('a dump is sent in parts of 64 MiB, and in a thousand at most', () => {
  const MIB = 1024 ** 2;
  expect(partBytes(1)).toBe(64 * MIB);
  const large = 1024 ** 4;
  expect(Math.ceil(large / partBytes(large))).toBeLessThanOrEqual(1_000);
});
