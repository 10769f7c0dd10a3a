import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere } from './files';

/** What lies on a simulated host and runs there, line by line. */

/** The test machine's own, the simulation's, and what tools change by themselves. */
const LEFT_OUT = [
  ...['usr', 'proc', 'dev', 'tmp', 'opt/simulation', 'run/simulation', 'var/tmp', 'var/log', 'var/cache'],
  ...['var/lib/dpkg/lock', 'var/lib/dpkg/lock-frontend', 'var/lib/dpkg/triggers', 'var/lib/dpkg/status-old'],
];

/** Paths with owner, mode and content; units that are loaded, jobs that are remembered. */
export function lookOver(root: string): string[] {
  return [
    ...pathsUnder(root, '').map((path) => describe(root, path)),
    ...entriesOf(root, 'run/simulation/units')
      .filter((unit) => !unit.includes('.'))
      .map((unit) => `unit ${unit} ${readIfThere(join(root, 'run/simulation/units', unit))?.trim() ?? ''}`),
    ...entriesOf(root, 'run/simulation/jobs').map((job) => `job ${job}`),
    ...entriesOf(root, 'run/simulation/processes')
      .filter(isAlive)
      .map(() => 'a process'),
  ].sort();
}

/** One that was killed leaves its entry, and perhaps a zombie. */
const isAlive = (pid: string): boolean => /^State:\s+[^ZX]/m.test(readIfThere(`/proc/${pid}/status`) ?? '');

function pathsUnder(root: string, folder: string): string[] {
  return entriesOf(root, folder)
    .map((entry) => (folder === '' ? entry : `${folder}/${entry}`))
    .filter((path) => !LEFT_OUT.includes(path))
    .flatMap((path) => [path, ...(lstatSync(join(root, path)).isDirectory() ? pathsUnder(root, path) : [])]);
}

function describe(root: string, path: string): string {
  const file = join(root, path);
  const { mode, uid, gid } = lstatSync(file);
  return `/${path} ${mode.toString(8)} ${uid}:${gid} ${contentOf(file)}`.trimEnd();
}

function contentOf(file: string): string {
  const stat = lstatSync(file);
  if (stat.isSymbolicLink()) return `-> ${readlinkSync(file)}`;
  return stat.isFile() ? createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12) : '';
}

const entriesOf = (root: string, folder: string): string[] =>
  existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : [];
