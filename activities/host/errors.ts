import { HoldfastError, tellsAbsence } from '../../domain/errors';

/** The one place where errors of ssh2 and of the network become errors of the catalogue. */

/** What ssh2 says of where it failed, and Node of what; both are absent on other errors. */
interface ConnectionFailure {
  readonly code?: unknown;
  readonly level?: unknown;
}

const SENTENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens on its SSH port',
  ECONNRESET: 'it cut the connection',
  EPIPE: 'it cut the connection',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to it',
  ENOTFOUND: 'its name is unknown',
  'client-timeout': 'no answer in time',
  'client-socket': 'the connection broke',
};

/** True when the host answered, and refused the control key: it lasts until somebody mends it there, and tries make sshd shut the door. */
export const refusesLogin = (error: unknown): boolean => failureOf(error).level === 'client-authentication';

/** The host does not let the control key in. */
export function loginRefused(host: string, user: string, error?: unknown): HoldfastError {
  return new HoldfastError('HOST_LOGIN_REFUSED', { host, user }, { cause: error });
}

/** True for {@link loginRefused}: others may do what this host was asked for. */
export const tellsRefusal = (error: unknown): boolean =>
  error instanceof HoldfastError && error.code === 'HOST_LOGIN_REFUSED';

/** True for {@link commandFailed}: the host did what it was asked for, which ended badly. */
export const tellsFailedCommand = (error: unknown): error is HoldfastError =>
  error instanceof HoldfastError && error.code === 'HOST_COMMAND_FAILED';

/** True for {@link keyMismatch}. */
export const tellsOtherKey = (error: unknown): boolean =>
  error instanceof HoldfastError && error.code === 'HOST_KEY_MISMATCH';

/** True when the host took the connection and the login was not done in time: it is away since then, or has much to do. */
export const tellsSlowLogin = (error: unknown): boolean =>
  error instanceof HoldfastError && failureOf(error.cause).level === 'client-timeout';

/** The host is away, or does not let the control plane in: whoever can do without it goes on. */
export const isOutOfReach = (error: unknown): boolean => tellsAbsence(error) || tellsRefusal(error);

/** Of a command that can be done without on such a host. @throws any other error. */
export function unlessOutOfReach(error: unknown): void {
  if (!isOutOfReach(error)) throw error;
}

/** HOST_UNREACHABLE, whatever broke the connection. */
export function unreachable(host: string, error: unknown): HoldfastError {
  const options = error instanceof Error ? { cause: error } : undefined;
  return new HoldfastError('HOST_UNREACHABLE', { host, detail: describe(error), trouble: troubleOf(error) }, options);
}

/** The host shows another key than the pinned one. */
export function keyMismatch(host: string): HoldfastError {
  return new HoldfastError('HOST_KEY_MISMATCH', { host });
}

/** A command ended with another exit code than 0, or by a signal (`null`). */
export function commandFailed(
  host: string,
  title: string,
  exit: { code: number | null; output: string },
): HoldfastError {
  const timedOut = exit.code === TIMEOUT_EXIT_CODE ? 'it took longer than its timeout. ' : '';
  return new HoldfastError('HOST_COMMAND_FAILED', {
    host,
    title,
    exitCode: exit.code ?? 'none (killed by a signal)',
    output: timedOut + exit.output,
  });
}

/** Exit code of coreutils' `timeout` when the time was up. */
export const TIMEOUT_EXIT_CODE = 124;

/** What a preflight gives advice by. */
export type SshTrouble = 'refused' | 'silent' | 'cut' | 'other';

const failureOf = (error: unknown): ConnectionFailure => (typeof error === 'object' && error !== null ? error : {});

function troubleOf(error: unknown): SshTrouble {
  const { code, level } = failureOf(error);
  if (code === 'ECONNREFUSED') return 'refused';
  // sshd does so for a while after failed log-ins. ssh2 has no code for a connection that ends before its handshake.
  const early = error instanceof Error && error.message === 'Connection lost before handshake';
  if (code === 'ECONNRESET' || code === 'EPIPE' || early) return 'cut';
  const silent = ['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND'];
  return silent.includes(String(code)) || level === 'client-timeout' ? 'silent' : 'other';
}

function describe(error: unknown): string {
  const { code, level } = failureOf(error);
  for (const known of [code, level]) {
    if (typeof known === 'string' && SENTENCES[known] !== undefined) return SENTENCES[known];
  }
  return error instanceof Error ? error.message : String(error);
}
