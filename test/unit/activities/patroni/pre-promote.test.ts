import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { archiveWhatWasReceived } from '../../../../activities/patroni/pre-promote';

/** What is archived once more before a replica is promoted: the very script, with a folder of the log that it finds. */

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-promote-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const segment = (number: number, timeline = 1): string => `0000000${timeline}000000000000000${number}`;

/** @param received how many segments are whole, as PostgreSQL says it; null: it does not answer. */
function promote(received: string | null = '4'): void {
  const answer = received === null ? 'exit 2' : `echo ${received}`;
  writeFileSync(join(folder, 'psql'), `#!/bin/sh\n${answer}\n`, { mode: 0o755 });
  const command = archiveWhatWasReceived('18')
    .replace('/var/lib/postgresql/18/main', join(folder, 'data'))
    .replace('/usr/lib/postgresql/18/bin', folder);
  execFileSync('sh', ['-c', command]);
}

function makeLog(files: readonly string[], marks: readonly string[]): void {
  mkdirSync(join(folder, 'data/pg_wal/archive_status'), { recursive: true });
  for (const name of files) writeFileSync(join(folder, 'data/pg_wal', name), '');
  for (const name of marks) writeFileSync(join(folder, 'data/pg_wal/archive_status', name), '');
}
const marks = (): string[] => readdirSync(join(folder, 'data/pg_wal/archive_status')).sort();

test('without a log nobody is kept from being promoted', () => {
  promote();
  makeLog([], []);
  promote();
  expect(marks()).toEqual([]);
});

test('whatever a lost primary did of it, it waits once more; not what was recycled, and no history', () => {
  makeLog([segment(3), '00000002.history'], [`${segment(2)}.done`, `${segment(3)}.done`, '00000002.history.done']);
  promote();
  expect(marks()).toEqual([`${segment(2)}.done`, `${segment(3)}.ready`, '00000002.history.done'].sort());
});

test('so does the last one that came whole, which has no mark yet, and nothing behind it', () => {
  // The fourth has begun to come, and PostgreSQL has made the fifth in advance.
  makeLog([segment(2), segment(3), segment(4), segment(5)], [`${segment(2)}.done`]);
  promote('4');
  expect(marks()).toEqual([`${segment(2)}.ready`, `${segment(3)}.ready`]);
});

test.each([null, ''])('where PostgreSQL says %j, what has no mark is left alone', (received) => {
  makeLog([segment(2), segment(3)], [`${segment(2)}.done`]);
  promote(received);
  expect(marks()).toEqual([`${segment(2)}.ready`]);
});

test('of an older log nothing is archived again: its end is half a segment', () => {
  makeLog([segment(2), segment(3), segment(3, 2)], [`${segment(2)}.done`, `${segment(3)}.done`]);
  promote();
  expect(marks()).toEqual([`${segment(2)}.done`, `${segment(3)}.done`, `${segment(3, 2)}.ready`].sort());
});
