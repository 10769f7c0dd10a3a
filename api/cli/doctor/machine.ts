import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, statfsSync } from 'node:fs';
import path from 'node:path';
import type { DockerOptions } from 'dockerode';
import { MAJORS } from '../../../domain/clusters';
import type { Finding } from './finding';
import { fine, wrong } from './finding';

/** What stands on this machine: files of the installation, its disk, its Docker engines. */

/** Files that would open the installation to whoever reads them. */
const PRIVATE = ['key', 'token', 'ssh', 'pgpass'] as const;
/** An image, a volume and a day of logs need more. */
const LEAST_FREE_BYTES = 2 * 1024 ** 3;
const PATIENCE_MS = 5_000;

/** @param home of the installation, or null when this machine has none. */
export async function examineMachine(home: string | null): Promise<Finding[]> {
  if (home === null) {
    return [fine('installation', 'There is none on this machine: only the API is looked at.'), examinePsql()];
  }
  return [examineFiles(home), examineDisk(home), ...(await examineEngines(home)), examinePsql()];
}

function examineFiles(home: string): Finding {
  const open = PRIVATE.filter((name) => {
    const file = path.join(home, name);
    return existsSync(file) && (statSync(file).mode & 0o077) !== 0;
  });
  if (open.length === 0) return fine('installation', `${home}, readable by its owner only.`);
  const files = open.map((name) => path.join(home, name));
  return wrong('installation', `Others can read ${files.join(', ')}.`, `Run: chmod -R go= ${files.join(' ')}`);
}

function examineDisk(home: string): Finding {
  const { bavail, bsize } = statfsSync(home);
  const free = `${((bavail * bsize) / 1024 ** 3).toFixed(1)} GiB are free where ${home} is.`;
  if (bavail * bsize >= LEAST_FREE_BYTES) return fine('disk', free);
  return wrong('disk', free, 'Free some: services stop when their disk is full.');
}

async function examineEngines(home: string): Promise<Finding[]> {
  const file = path.join(home, 'engines');
  const hosts = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  return Promise.all(hosts.map(examineEngine));
}

async function examineEngine(host: string): Promise<Finding> {
  const { default: Docker } = await import('dockerode');
  try {
    const { Version } = await new Docker({ ...addressOf(host), timeout: PATIENCE_MS }).version();
    return fine('Docker engine', `${Version} answers at ${host}.`);
  } catch {
    return wrong(
      'Docker engine',
      `Nothing answers at ${host}: hosts of the cloud docker have no power.`,
      'Run npm start, and see docs/runbooks/engine-away.md.',
    );
  }
}

/** All that dockerode would otherwise take from DOCKER_HOST, which may be of another engine. @throws TypeError for no URL. */
function addressOf(host: string): DockerOptions {
  if (host.startsWith('unix://')) return { host: '', socketPath: host.slice('unix://'.length), protocol: 'http' };
  const { protocol, hostname, port, username } = new URL(host);
  if (protocol === 'ssh:') {
    const agent = process.env['SSH_AUTH_SOCK'];
    return { host: hostname, port, protocol: 'ssh', username, sshOptions: agent === undefined ? {} : { agent } };
  }
  const isTls = protocol === 'https:' || port === '2376' || process.env['DOCKER_TLS_VERIFY'] === '1';
  return { host: hostname.replace(/^\[|\]$/g, ''), port, protocol: isTls ? 'https' : 'http' };
}

/** The newest major that can be ordered. */
const NEWEST_MAJOR = Math.max(...MAJORS.map(Number));

function examinePsql(): Finding {
  try {
    return psqlFinding(execFileSync('psql', ['--version'], { encoding: 'utf8', timeout: PATIENCE_MS }));
  } catch {
    return wrong('psql', 'It is not on the PATH.', 'Install the PostgreSQL client (Debian: postgresql-client).');
  }
}

/** An older one connects to a newer server, but not all of its own commands work there. @param told `psql --version`. Exported for its test. */
export function psqlFinding(told: string): Finding {
  const major = Number(/(\d+)(?:[.\d]*|beta\d+|rc\d+|devel)/.exec(told)?.[1]);
  if (!(major < NEWEST_MAJOR)) return fine('psql', 'It is on the PATH.');
  return {
    ...fine('psql', `That on the PATH is of PostgreSQL ${major}, and clusters can have ${NEWEST_MAJOR}.`),
    remedy: `Its \\d and the like may fail with newer servers: install the client of PostgreSQL ${NEWEST_MAJOR}.`,
  };
}
