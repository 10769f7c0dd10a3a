import { execFile } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { arch, cpus, platform, release, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { packageVersion } from '../../package-version';
import { createClient } from '../client';
import { CliError } from '../exit';
import { findHome } from '../settings';
import type { CliSettings } from '../settings';
import { examine } from './examine';
import { withoutSecrets } from './redact';

/** The newest part of each log: what happened before is seldom why something is wrong now. */
const LOG_BYTES = 2 * 1024 ** 2;
const OPERATIONS = 200;
const PATIENCE_MS = 60_000;

/**
 * Writes the bundle to `file`, mode 0600.
 * @returns what could not be put into it, a sentence each. @throws CliError when the file is there already.
 */
export async function makeBundle(settings: CliSettings, file: string): Promise<string[]> {
  if (existsSync(file)) throw new CliError(`${file} is there already: name another by --file.`);
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-support-'));
  const root = path.join(folder, 'holdfast-support');
  mkdirSync(root);
  try {
    const left = await fill(root, settings);
    closeSync(openSync(file, 'wx', 0o600));
    await promisify(execFile)('tar', ['-czf', path.resolve(file), '-C', folder, 'holdfast-support']);
    return left;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fill(root: string, settings: CliSettings): Promise<string[]> {
  const client = createClient(settings, AbortSignal.timeout(PATIENCE_MS));
  const left: string[] = [];
  const put = async (name: string, read: () => Promise<unknown>): Promise<void> => {
    try {
      const text = JSON.stringify(await read(), null, 2);
      writeFileSync(path.join(root, `${name}.json`), `${withoutSecrets(text)}\n`);
    } catch (error) {
      left.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  await put('doctor', () => examine(settings));
  await put('machine', () => Promise.resolve(describeMachine(settings)));
  await put('clusters', async () => Promise.all((await client.listClusters()).map(({ id }) => client.showCluster(id))));
  await put('operations', async () => {
    const newest = await client.listOperations(undefined, OPERATIONS);
    return Promise.all(newest.map(({ id }) => client.showOperation(id)));
  });
  await put('versions', () => client.listVersions());
  await put('hosts', () => client.listHosts());
  const home = findHome(process.env['HOLDFAST_HOME']);
  if (home === null) left.push('logs: there is no installation on this machine');
  else copyLogs(path.join(home, 'logs'), path.join(root, 'logs'));
  return left;
}

function describeMachine({ url }: CliSettings): object {
  const set = Object.keys(process.env).filter((name) => /^(HOLDFAST_|TEMPORAL_|DATABASE_URL$|DOCKER_HOST$)/.test(name));
  return {
    holdfast: packageVersion(),
    node: process.version,
    system: `${platform()} ${release()} ${arch()}`,
    cores: cpus().length,
    memoryBytes: totalmem(),
    api: url,
    // Their names only: some hold passwords.
    environmentVariablesSet: set.sort(),
  };
}

function copyLogs(from: string, to: string): void {
  if (!existsSync(from)) return;
  mkdirSync(to);
  for (const name of readdirSync(from).filter((entry) => entry.endsWith('.log'))) {
    writeFileSync(path.join(to, name), withoutSecrets(tail(path.join(from, name))));
  }
}

/** Whole lines only: what is left of one that was cut could be half of a secret, which no pattern knows. */
function tail(file: string): string {
  const handle = openSync(file, 'r');
  try {
    const { size } = fstatSync(handle);
    const start = Math.max(0, size - LOG_BYTES);
    const bytes = Buffer.alloc(size - start);
    const text = bytes.toString('utf8', 0, readSync(handle, bytes, 0, bytes.length, start));
    return start === 0 ? text : text.slice(text.indexOf('\n') + 1 || text.length);
  } finally {
    closeSync(handle);
  }
}
