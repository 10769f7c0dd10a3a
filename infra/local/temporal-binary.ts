import { existsSync, mkdtempSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runCommand } from './command';
import { Problem } from './problem';
import { cacheFolder } from './project';
import type { StepReport } from './progress.cjs';

const MODULE = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';
const programs = join(cacheFolder, 'bin');
const cached = join(programs, 'temporal');

/**
 * The `temporal` program: one on the PATH, else the one that this machine keeps, else the SDK's download, else built
 * with Go (minutes). @throws Problem when there is no way to get it.
 */
export async function findTemporal(signal: AbortSignal, report: StepReport): Promise<string> {
  const asked = process.env['HOLDFAST_TEMPORAL_BINARY'];
  if (asked) return asked;
  const onPath = findOnPath('temporal');
  if (onPath) return onPath;
  if (existsSync(cached)) return cached;
  mkdirSync(programs, { recursive: true });
  const unfinished = mkdtempSync(join(programs, 'new-'));
  try {
    report.note('downloading');
    if (!(await download(unfinished))) {
      report.note('building with Go, which takes minutes');
      await build(unfinished, signal);
    }
    renameSync(join(unfinished, 'temporal'), cached);
    return cached;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** The SDK's test environment fetches the program and starts it; only the file is wanted. */
async function download(folder: string): Promise<boolean> {
  try {
    const { TestWorkflowEnvironment } = await import('@temporalio/testing');
    const server = { executable: { type: 'cached-download', downloadDir: folder } } as const;
    const environment = await TestWorkflowEnvironment.createLocal({ server });
    await environment.teardown();
    const file = readdirSync(folder).find((name) => name.startsWith('temporal'));
    if (file) renameSync(join(folder, file), join(folder, 'temporal'));
    return file !== undefined;
  } catch {
    return false; // Not reachable from here, or no development dependencies.
  }
}

async function build(folder: string, signal: AbortSignal): Promise<void> {
  if (!findOnPath('go')) {
    throw new Problem(
      'Temporal could not be downloaded: install its command (https://docs.temporal.io/cli), or set TEMPORAL_ADDRESS, and try again.',
    );
  }
  const env = { GOBIN: folder, GOTOOLCHAIN: 'local' };
  const { exitCode, stderr } = await runCommand('go', ['install', MODULE], { env, signal });
  if (exitCode !== 0) {
    throw new Problem(
      `Temporal could neither be downloaded nor built: install its command (https://docs.temporal.io/cli), or set TEMPORAL_ADDRESS. Go said: ${stderr.trim()}`,
    );
  }
}

/** @returns null when no folder of the PATH has that program. */
function findOnPath(program: string): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file)) ?? null;
}
