/** What a user wants done around a backup: scripts on its host, and whom to tell of it. */

export const SCRIPT_PHASES = ['pre', 'post'] as const;
export type ScriptPhase = (typeof SCRIPT_PHASES)[number];

export interface HookScript {
  /** Its text: whatever its first line names runs it, else a POSIX shell. */
  readonly script: string;
  /** It is ended after so many seconds. */
  readonly timeoutSeconds: number;
}

/** Before and after each backup that is an operation; null: nothing is run. */
export type BackupHooks = Readonly<Record<ScriptPhase, HookScript | null>>;

export const NO_HOOKS: BackupHooks = { pre: null, post: null };

export const MAX_SCRIPT_BYTES = 16 * 1024;
export const DEFAULT_SCRIPT_SECONDS = 60;
export const MAX_SCRIPT_SECONDS = 3600;
/** So much of the end of what it wrote is kept with the backup. */
export const KEPT_OUTPUT_CHARACTERS = 4096;

/** `not run`: its host did not answer, or could not start it. `cancelled`: the backup was, and the script was ended with it. */
export const SCRIPT_STATES = ['succeeded', 'failed', 'cancelled', 'not run'] as const;

/** How a script has ended. */
export interface ScriptRun {
  readonly phase: ScriptPhase;
  /** The data node that it ran on. */
  readonly node: string;
  readonly state: (typeof SCRIPT_STATES)[number];
  /** 124: it did not end in its time. Null where there is none. */
  readonly exitCode: number | null;
  /** The end of what it wrote to its output and errors; of one that was not run, why. */
  readonly output: string;
  readonly finishedAt: string;
}

/** Of `timeout` of coreutils. */
const TIMED_OUT = 124;

/** `ended with exit code 3`, for people. */
export function endInWords({ state, exitCode }: Pick<ScriptRun, 'state' | 'exitCode'>): string {
  if (state === 'not run') return 'could not be run';
  if (state === 'cancelled') return 'was cancelled';
  if (state === 'succeeded') return 'ended well';
  return exitCode === TIMED_OUT
    ? 'did not end within its time (exit code 124)'
    : `ended with exit code ${exitCode ?? 'unknown'}`;
}

export const NOTIFY_EVENTS = ['success', 'failure', 'both'] as const;

/** Somebody who wants to know how backups, drills and dumps end. */
export interface Notify {
  readonly event: (typeof NOTIFY_EVENTS)[number];
  /** An address, a channel, a name: for who sends it on. */
  readonly to: string;
}

/** Whom to tell of what has ended so. */
export const toldOf = (notify: readonly Notify[], end: 'success' | 'failure'): string[] => [
  ...new Set(notify.filter(({ event }) => event === end || event === 'both').map(({ to }) => to)),
];
