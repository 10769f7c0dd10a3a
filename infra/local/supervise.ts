import { spawn } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ProcessMark } from './processes';
import { endProcess, environmentOf, markProcess } from './processes';
import type { Session } from './session';

export interface ProgramSpec {
  /** Of its pid file and its log: `worker`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** How long it may take to end by itself. */
  readonly graceMs: number;
}

export interface Program {
  /** How often it has ended without being told to. */
  readonly crashes: () => number;
  /** Ends it for good. */
  readonly stop: () => Promise<void>;
}

/** The program writes its id itself before it is what it is: so there is no moment at which it runs and cannot be found. */
const LEAVE_PID = 'echo $$ >"$0" && exec "$@"';
/** In the environment of every program: an id that is used anew by a stranger is not taken for ours. */
const MARKER = 'HOLDFAST_PID_FILE';
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const LIVES_WELL_MS = 60_000;
const ORPHAN_GRACE_MS = 5_000;
const LARGEST_LOG_BYTES = 10 * 1024 ** 2;

/**
 * Runs a program in the background and starts it again, after a pause that doubles, whenever it ends by itself.
 * It leads a process group of its own: the terminal's Ctrl-C reaches only whoever ends things in order.
 */
export function supervise(session: Pick<Session, 'home' | 'progress'>, spec: ProgramSpec): Program {
  const logFile = session.home.path('logs', `${spec.name}.log`);
  const pidFile = session.home.path(`${spec.name}.pid`);
  let pid: number | undefined;
  let crashes = 0;
  let pause = FIRST_PAUSE_MS;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  const launch = (): void => {
    rotate(logFile);
    const log = openSync(logFile, 'a', 0o600);
    const begun = Date.now();
    const child = spawn('sh', ['-c', LEAVE_PID, pidFile, spec.command, ...spec.args], {
      env: { ...process.env, ...spec.env, [MARKER]: pidFile },
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    pid = child.pid;
    child.on('error', (error) => appendFileSync(logFile, `${error.message}\n`));
    child.on('close', (code, signal) => {
      if (stopped) return;
      crashes++;
      pause = Date.now() - begun > LIVES_WELL_MS ? FIRST_PAUSE_MS : Math.min(pause * 2, LONGEST_PAUSE_MS);
      session.progress.say(
        `! ${spec.name} ended (${signal ?? `exit code ${code}`}), again in ${pause / 1000} s: ${logFile}`,
      );
      timer = setTimeout(launch, pause);
    });
  };

  launch();
  return {
    crashes: () => crashes,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      const mark = pid === undefined ? null : markProcess(pid);
      if (mark) await endProcess(mark, spec.graceMs);
      rmSync(pidFile, { force: true });
    },
  };
}

/** Ends what a run that was killed left running. @returns names of the programs that it ended. */
export async function endOrphans(folder: string): Promise<string[]> {
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.pid')) : [];
  const ended = await Promise.all(
    files.map(async (file) => {
      const pidFile = join(folder, file);
      const orphan = ownerOf(pidFile);
      if (orphan) await endProcess(orphan, ORPHAN_GRACE_MS);
      rmSync(pidFile, { force: true });
      return orphan ? [file.replace(/\.pid$/, '')] : [];
    }),
  );
  return ended.flat();
}

function ownerOf(pidFile: string): ProcessMark | null {
  const pid = Number(readFileSync(pidFile, 'utf8'));
  if (!Number.isInteger(pid) || pid <= 0) return null;
  return environmentOf(pid).includes(`${MARKER}=${pidFile}`) ? markProcess(pid) : null;
}

/** One older file is kept. */
function rotate(file: string): void {
  if (existsSync(file) && statSync(file).size > LARGEST_LOG_BYTES) renameSync(file, `${file}.1`);
}
