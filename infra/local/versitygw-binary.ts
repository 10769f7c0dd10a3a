import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { Problem } from './problem';
import type { StepReport } from './progress.cjs';
import { findProgram } from './program';

const VERSION = 'v1.8.0';
const RELEASE = `https://github.com/versity/versitygw/releases/download/${VERSION}`;
const ANSWER_TIMEOUT_MS = 15_000;
const DOWNLOAD_TIMEOUT_MS = 300_000;
/** Of the release's archives, as `uname` says them. */
const SYSTEMS: Partial<Record<NodeJS.Platform, string>> = { linux: 'Linux', darwin: 'Darwin' };
const PROCESSORS: Partial<Record<NodeJS.Architecture, string>> = { x64: 'x86_64', arm64: 'arm64' };

/** The `versitygw` program, an S3 server on a folder. @throws Problem when there is no way to get it. */
export function findVersitygw(signal: AbortSignal, report: StepReport): Promise<string> {
  return findProgram(
    {
      name: 'versitygw',
      title: 'versitygw',
      variable: 'HOLDFAST_VERSITYGW_BINARY',
      module: `github.com/versity/versitygw/cmd/versitygw@${VERSION}`,
      remedy: 'install it (https://github.com/versity/versitygw), or name your own object stores in a sites file',
      download: (folder, stop) => downloadRelease(RELEASE, folder, stop),
    },
    signal,
    report,
  );
}

/**
 * The program of this platform out of a release, whose list of checksums says what its archive must be.
 *
 * @param release URL of the folder that has the archives. @returns false when it can't be reached from here.
 * @throws Problem when the archive is another one.
 */
export async function downloadRelease(release: string, folder: string, signal: AbortSignal): Promise<boolean> {
  const [system, processor] = [SYSTEMS[process.platform], PROCESSORS[process.arch]];
  if (!system || !processor) return false;
  const name = `versitygw_${VERSION}_${system}_${processor}.tar.gz`;
  const list = await get(`${release}/checksums.txt`, ANSWER_TIMEOUT_MS, signal);
  const archive = list && (await get(`${release}/${name}`, DOWNLOAD_TIMEOUT_MS, signal));
  if (!list || !archive) return false;
  const line = list
    .toString('utf8')
    .split('\n')
    .find((entry) => entry.trim().endsWith(name));
  const wanted = line?.trim().split(/\s+/)[0];
  const actual = createHash('sha256').update(archive).digest('hex');
  if (wanted !== actual)
    throw new Problem(`${release}/${name} is not what its checksum says (${actual}): it was not used. Try again.`);
  await unpack(archive, join(folder, 'versitygw'));
  return true;
}

/** @returns null when nothing comes. */
async function get(url: string, timeoutMs: number, signal: AbortSignal): Promise<Buffer | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) });
    return response.ok ? Buffer.from(await response.arrayBuffer()) : null;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}

/** Only the program: the archive has a folder of its own, with its licence. */
async function unpack(archive: Buffer, file: string): Promise<void> {
  const entries = extract();
  const reading = pipeline(Readable.from([archive]), createGunzip(), entries);
  for await (const entry of entries) {
    if (/(?:^|\/)versitygw$/.test(entry.header.name)) await pipeline(entry, createWriteStream(file, { mode: 0o755 }));
    else entry.resume();
  }
  await reading;
}
