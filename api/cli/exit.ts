/** Exit codes of the command: programs decide by them. */
export const EXIT = {
  ok: 0,
  error: 1,
  usage: 2,
  operationFailed: 3,
  waitTimedOut: 4,
  conflict: 5,
  notAuthorised: 6,
  interrupted: 130,
} as const;

/** Ends the command with a sentence, the next command to try, and a code. */
export class CliError extends Error {
  constructor(
    message: string,
    readonly exitCode: number = EXIT.error,
    /** The command to try next. */
    readonly next: string | null = null,
  ) {
    super(message);
  }
}
