import { availableParallelism, cpus, totalmem } from 'node:os';
import { runCommand } from '../../../infra/local/command';
import { projectFolder } from '../../../infra/local/project';

/** Where and of what figures were measured: without it they mean nothing. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGib: number;
  /** Short hash, with `+` when files differ from it; null outside of a clone. */
  readonly commit: string | null;
  /** ISO 8601. */
  readonly at: string;
}

export async function describeMachine(): Promise<Machine> {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    commit: await commitOf(projectFolder),
    at: new Date().toISOString(),
  };
}

async function commitOf(folder: string): Promise<string | null> {
  const git = async (...args: string[]): Promise<string | null> => {
    const { exitCode, stdout } = await runCommand('git', ['-C', folder, ...args]);
    return exitCode === 0 ? stdout.trim() : null;
  };
  try {
    const commit = await git('rev-parse', '--short', 'HEAD');
    const changes = await git('status', '--porcelain');
    return commit && `${commit}${changes ? '+' : ''}`;
  } catch {
    return null; // A machine without git.
  }
}
