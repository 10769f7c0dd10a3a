import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { compiled } from '../../infra/local/project';
import { workerEnvironment } from './worker-settings';
import type { WorkerSettings } from './worker-settings';

/** A worker process that is started again whenever it dies, as a supervisor of services does. */
export interface Lane {
  readonly settings: WorkerSettings;
  /** Times that a worker was started. */
  readonly starts: number;
  /** SIGKILL; the next one is started at once. */
  kill(): void;
  log(): string;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** Most of the time of a matrix goes into starts: these come without source maps, which are a fifth of one, and collect less garbage. */
const CHEAP_TO_START = ['--max-semi-space-size=64'];

export function startLane(settings: WorkerSettings, logFile: string): Lane {
  let starts = 0;
  let stopped = false;
  let child: ChildProcess;
  const start = (): void => {
    starts++;
    const log = openSync(logFile, 'a');
    child = spawn(process.execPath, [...CHEAP_TO_START, compiled('test', 'chaos', 'worker.js')], {
      stdio: ['pipe', log, log],
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        NODE_COMPILE_CACHE: join(dirname(logFile), 'compiled'),
        ...workerEnvironment(settings),
      },
    });
    closeSync(log);
    child.once('exit', () => {
      if (!stopped) start();
    });
  };
  start();
  return {
    settings,
    get starts() {
      return starts;
    },
    kill: () => void child.kill('SIGKILL'),
    log: () => readFileSync(logFile, 'utf8'),
    async stop() {
      stopped = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}
