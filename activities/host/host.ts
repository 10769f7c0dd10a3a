import type { ShellCommand } from './shell';

/** A host as activities see it: commands, files and jobs over SSH. */

export interface Host {
  /** For messages: `orders/pg-1`. */
  readonly label: string;

  /**
   * Runs a command as root and returns its standard output. Inside an activity it ends when that is cancelled. When the
   * connection is lost, the host ends the command at its timeout at the latest.
   * @throws HOST_UNREACHABLE, HOST_KEY_MISMATCH, HOST_LOGIN_REFUSED, HOST_COMMAND_FAILED (exit code not 0; 124 is the timeout).
   */
  run(command: ShellCommand, options?: RunOptions): Promise<string>;

  /**
   * Brings files to the state asked for, each atomically and all in one round trip; a file that has that content,
   * owner and mode already is left alone. Content travels by stdin, never in argv.
   * @returns paths that changed, so that a service is reloaded only when its file did. A caller that died between the
   * change and the reload does not see it again: compare with when the service started where that matters.
   */
  putFiles(files: readonly HostFile[]): Promise<string[]>;
}

export interface RunOptions {
  /** Travels by stdin: the place for secrets and scripts. */
  readonly stdin?: string;
  /** Default 60 s. */
  readonly timeoutMs?: number;
  /** For errors and logs; the first words of the command by default. */
  readonly title?: string;
  /**
   * Goes on trying to connect for so long while the host refuses or does not answer, as one that boots does.
   * Default: a single try, which may take 10 s.
   */
  readonly connectTimeoutMs?: number;
  /** Gets each line of the output as it comes; {@link Host.run} then returns none. */
  readonly onLine?: (line: string) => void;
  /** Ends the wait, and the command, with the signal's reason. An activity's own cancellation counts anyway. */
  readonly signal?: AbortSignal;
}

export interface HostFile {
  readonly path: string;
  readonly content: string;
  /** Octal, such as 0o600. */
  readonly mode: number;
  /** `user:group`. */
  readonly owner: string;
}
