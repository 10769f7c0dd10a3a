import type { ShellCommand } from './shell';

/** A host as activities see it: commands, files and jobs over SSH. */

export interface Host {
  /** For messages: `orders/pg-1`. */
  readonly label: string;

  /**
   * Runs a command as root and returns its output.
   * @throws HOST_UNREACHABLE, HOST_KEY_MISMATCH, HOST_COMMAND_FAILED (exit code not 0).
   */
  run(command: ShellCommand, options?: RunOptions): Promise<string>;

  /**
   * Brings files to the state asked for, each atomically and all in one round trip; a file that has that content,
   * owner and mode already is left alone. Content travels by stdin, never in argv.
   * @returns paths that changed, so that a service is reloaded only when its file did.
   */
  putFiles(files: readonly HostFile[]): Promise<string[]>;
}

export interface RunOptions {
  /** Travels by stdin: the place for secrets and scripts. */
  readonly stdin?: string;
  /** Default 60 s. */
  readonly timeoutMs?: number;
  /** For errors and logs, instead of the command itself. */
  readonly title?: string;
}

export interface HostFile {
  readonly path: string;
  readonly content: string;
  /** Octal, such as 0o600. */
  readonly mode: number;
  /** `user:group`. */
  readonly owner: string;
}
