import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { StepReport } from './progress.cjs';
import { findProgram } from './program';
import type { ProgramSource } from './program';

const TEMPORAL: ProgramSource = {
  name: 'temporal',
  title: 'Temporal',
  variable: 'HOLDFAST_TEMPORAL_BINARY',
  module: 'github.com/temporalio/cli/cmd/temporal@v1.5.1',
  remedy: 'install its command (https://docs.temporal.io/cli), or set TEMPORAL_ADDRESS',
  download,
};

/** The `temporal` program. @throws Problem when there is no way to get it. */
export function findTemporal(signal: AbortSignal, report: StepReport): Promise<string> {
  return findProgram(TEMPORAL, signal, report);
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
