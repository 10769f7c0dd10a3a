import { spawn } from 'node:child_process';
import path from 'node:path';

/** The `holdfast` command as it is installed, in a folder and with an environment of the test's own: it can reach nothing else. */
export interface TestCommand {
  readonly start: (args: readonly string[], environment?: Environment, cwd?: string) => RunningCommand;
  readonly run: (args: readonly string[], environment?: Environment, cwd?: string) => Promise<CommandRun>;
}

/** Variables to add; undefined takes one away. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface CommandRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly ended: Promise<CommandRun>;
  /** As Ctrl-C does. */
  interrupt(): void;
  /** What it said so far. */
  stderr(): string;
}

export const COMMAND = path.join(__dirname, '../../bin/holdfast');

/** Finds the command by its name on the PATH, and `bin/` of the folder before all else. */
export function commandIn(folder: string, given: Environment): TestCommand {
  const base = { PATH: `${folder}/bin:${path.dirname(COMMAND)}:/usr/bin:/bin`, HOME: folder, ...given };
  const start: TestCommand['start'] = (args, environment = {}, cwd = folder) => {
    const child = spawn('holdfast', [...args], { cwd, env: { ...base, ...environment } });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const ended = new Promise<CommandRun>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
    });
    return { ended, interrupt: () => void child.kill('SIGINT'), stderr: () => stderr };
  };
  return { start, run: (...args) => start(...args).ended };
}
