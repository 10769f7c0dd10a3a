import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { endProcess, gone, markProcess } from '../../infra/local/processes';
import type { ProcessMark } from '../../infra/local/processes';

/** A program in the background that a test starts, kills and starts again. Its output goes to a log file. */
export interface Background {
  start(): void;
  /** As power loss would: no time to finish anything. Returns when it is gone. */
  kill(): Promise<void>;
  /** Asks it to end and waits until it has. @returns its exit code; null when it did not run, or had to be killed. */
  stop(): Promise<number | null>;
}

export interface BackgroundSpec {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** How long it may take to end by itself. */
  readonly graceMs: number;
}

export function createBackground(spec: BackgroundSpec): Background {
  let mark: ProcessMark | null = null;
  let exit: Promise<number | null> = Promise.resolve(null);
  return {
    start() {
      const log = openSync(spec.logFile, 'a', 0o600);
      const env = { ...process.env, ...spec.env };
      const child = spawn(spec.command, [...spec.args], { env, stdio: ['ignore', log, log], detached: true });
      closeSync(log);
      if (child.pid === undefined) throw new Error(`${spec.command} can't be run`);
      exit = new Promise((resolve) => child.once('exit', resolve));
      mark = markProcess(child.pid);
    },
    async kill() {
      if (mark === null) return;
      process.kill(mark.pid, 'SIGKILL');
      if (!(await gone(mark, 10_000))) throw new Error(`process ${mark.pid} outlived SIGKILL`);
      mark = null;
    },
    async stop() {
      if (mark === null) return null;
      await endProcess(mark, spec.graceMs);
      mark = null;
      return exit;
    },
  };
}
