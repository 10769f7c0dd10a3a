import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseSettings } from '../../domain/schemas/settings';
import type { BackupResult } from './support/backup-report';
import { reportBackup } from './support/backup-report';
import { fillDatabase, sizeOf } from './support/backup/database';
import type { LoadRun, Runs } from './support/backup/runs';
import {
  measureBackup,
  measureBareBackup,
  measureBareRestore,
  measureInPlace,
  measureLoad,
  measureRestore,
} from './support/backup/runs';
import { createClient } from './support/client';
import { findProcesses, usageOf } from './support/engine/processes';
import { describeMachine } from './support/machine';
import { readOptions } from './support/options';
import { DEFAULT_SCALE } from './support/pgbench';

/**
 * `npm run bench backup [-- --runs N --scale N --json FILE]`: backups and restores beside the bare tool, see docs/bench.md.
 * infra/local/bench.ts brings up the control plane that it measures, and removes all that was made.
 */

const DEFAULT_RUNS = 3;
const MEMORY_EVERY_MS = 500;

const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

async function told<T>(what: string, measure: () => Promise<T>): Promise<T> {
  const measured = await measure();
  say(`${what}: ${typeof measured === 'number' ? `${(measured / 1000).toFixed(1)} s` : 'done'}`);
  return measured;
}

async function repeat<T>(times: number, what: string, measure: (run: number) => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let run = 1; run <= times; run++) all.push(await told(`${what} ${run} of ${times}`, () => measure(run)));
  return all;
}

async function measure(runs: Runs, times: number): Promise<Omit<BackupResult, 'machine' | 'workerMemoryBytes'>> {
  const databaseBytes = await sizeOf(runs.database);
  await measureBackup(runs); // Warm-up: what PostgreSQL and the stores read for the first time.
  const [backupMs, bareBackupMs, bareAtOnceMs]: [number[], number[], number[]] = [[], [], []];
  // In turn, so that what the machine does beside them meets both.
  for (let run = 1; run <= times; run++) {
    backupMs.push(await told(`full backup ${run} of ${times}`, () => measureBackup(runs)));
    bareBackupMs.push(await told(`pgBackRest alone ${run} of ${times}`, () => measureBareBackup(runs, 'in turn')));
    bareAtOnceMs.push(await told(`… at once ${run} of ${times}`, () => measureBareBackup(runs, 'at once')));
  }
  const bareRestoreMs = await repeat(times, 'pgbackrest restore alone', () => measureBareRestore(runs));
  const restoreMs = await repeat(times, 'restore', (run) => measureRestore(runs, `restored-${run}`));
  const forkMs = await repeat(times, 'fork', (run) => measureRestore(runs, `fork-${run}`, null));
  const inPlaceMs = await repeat(times, 'outage of a restore in place', () => measureInPlace(runs));
  const load: LoadRun[] = await repeat(times, 'load', () => measureLoad(runs));
  return {
    format: 1,
    databaseBytes,
    backupMs,
    bareBackupMs,
    bareAtOnceMs,
    restoreMs,
    forkMs,
    bareRestoreMs,
    inPlaceMs,
    load,
  };
}

/** Watches the worker's memory while `act` runs. */
async function watchMemory<T>(
  home: string,
  act: () => Promise<T>,
): Promise<T & { readonly workerMemoryBytes: BackupResult['workerMemoryBytes'] }> {
  const { worker } = findProcesses(home, { worker: 'workers/main.js' });
  if (worker === undefined) throw new Error('no worker');
  const before = usageOf(worker).memoryBytes;
  let most = before;
  const timer = setInterval(() => (most = Math.max(most, usageOf(worker).memoryBytes)), MEMORY_EVERY_MS);
  try {
    const measured = await act();
    return { ...measured, workerMemoryBytes: { before, most } };
  } finally {
    clearInterval(timer);
  }
}

async function main(): Promise<void> {
  const { HOLDFAST_HOME: home, ...settings } = parseSettings(process.env);
  const { counts, jsonFile } = readOptions(process.argv.slice(2), {
    counts: { runs: DEFAULT_RUNS, scale: DEFAULT_SCALE },
    parts: ['backup'],
    jsonFile: join(home, 'backup.json'),
  });
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort(new Error('interrupted')));
  const { signal } = stop;
  const token = readFileSync(join(home, 'token'), 'utf8').trim();
  const client = createClient({ url: `http://${settings.HOLDFAST_HOST}:${settings.HOLDFAST_PORT}`, token, signal });
  say(`making a cluster and filling it (scale ${counts.scale})`);
  const database = await fillDatabase(client, counts.scale, signal);
  const measured = await watchMemory(home, () => measure({ client, database, say }, counts.runs));
  const result: BackupResult = { ...measured, machine: await describeMachine() };
  process.stdout.write(`\n${reportBackup(result)}\n\n`);
  mkdirSync(dirname(jsonFile), { recursive: true });
  writeFileSync(jsonFile, `${JSON.stringify(result, null, 2)}\n`);
  say(`also in ${jsonFile}`);
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
