import { pino } from 'pino';
import type { Logger } from 'pino';
import { HoldfastError } from '../../domain/errors';
import { cancellation } from './cancellation';
import { createConnections } from './connections';
import type { Connections } from './connections';
import { unreachable } from './errors';
import { putFiles } from './files';
import type { Host, RunOptions } from './host';
import { firstWords } from './shell';
import type { ShellCommand } from './shell';
import { PATIENT, ROOT } from './ssh-connect';
import type { Patience, SshTarget } from './ssh-connect';
import { execute, NotStarted } from './ssh-exec';

/** Hosts by SSH: one connection for each address and pinned key, shared by all commands that run there. */
export interface SshPool {
  /** Connects at the first command. */
  host(target: SshTarget): Host;
  /** The next command gets a new connection: the host was away. Those that run keep theirs. */
  forget(target: SshTarget): void;
  /** Closes all connections; commands that run fail with HOST_UNREACHABLE. */
  close(): void;
}

export interface SshPoolOptions {
  /** The control plane's private key in OpenSSH's format, the only one that hosts let in. */
  readonly controlKey: string;
  readonly logger?: Pick<Logger, 'debug' | 'warn'>;
  /** How long commands try to connect that don't say it themselves, see {@link RunOptions.connectTimeoutMs}. */
  readonly connectTimeoutMs?: number;
  /** Default: {@link PATIENT}. */
  readonly patience?: Patience;
  /** After so many milliseconds without a command a connection is closed. Default 60,000. */
  readonly idleMs?: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_IDLE_MS = 60_000;

export function createSshPool(options: SshPoolOptions): SshPool {
  const logger = options.logger ?? pino({ name: 'ssh' });
  const connections = createConnections(
    options.controlKey,
    options.idleMs ?? DEFAULT_IDLE_MS,
    options.patience ?? PATIENT,
  );
  return {
    host: (target) => {
      const host: Host = {
        label: target.label,
        run: (command, given = {}) => {
          const title = given.title ?? firstWords(command);
          const { connectTimeoutMs } = options;
          const runOptions = { ...(connectTimeoutMs !== undefined && { connectTimeoutMs }), ...given };
          return logged(logger, { host: target.label, title }, given.signal, () =>
            againWhenNotStarted(target, () => runOnce(connections, target, command, { ...runOptions, title })),
          );
        },
        putFiles: (files) => putFiles(host, files),
      };
      return host;
    },
    forget: (target) => connections.forget(target),
    close: () => connections.close(),
  };
}

async function runOnce(
  connections: Connections,
  target: SshTarget,
  command: ShellCommand,
  options: RunOptions & { readonly title: string },
): Promise<string> {
  const signal = cancellation(options.signal);
  const { client, free } = await connections.lease(target, { forMs: options.connectTimeoutMs, signal });
  try {
    return await execute(client, {
      label: target.label,
      user: target.ssh.user ?? ROOT,
      title: options.title,
      command,
      stdin: options.stdin ?? '',
      timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      signal,
      onLine: options.onLine,
    });
  } finally {
    free();
  }
}

/** A shared connection may have died unnoticed since its last command. Nothing was run, so once more is safe. */
async function againWhenNotStarted(target: SshTarget, run: () => Promise<string>): Promise<string> {
  try {
    return await run().catch((error: unknown) => {
      if (error instanceof NotStarted) return run();
      throw error;
    });
  } catch (error) {
    throw error instanceof NotStarted ? unreachable(target.label, error.cause ?? error) : error;
  }
}

/** Titles and durations only: input and output may hold secrets. */
async function logged<T>(
  logger: Pick<Logger, 'debug' | 'warn'>,
  told: { readonly host: string; readonly title: string },
  signal: AbortSignal | undefined,
  run: () => Promise<T>,
): Promise<T> {
  const startedAt = performance.now();
  const tookMs = (): number => Math.round(performance.now() - startedAt);
  try {
    const result = await run();
    logger.debug({ ...told, exitCode: 0, tookMs: tookMs() }, 'a command ran on a host');
    return result;
  } catch (error) {
    if (signal?.aborted) {
      logger.debug({ ...told, givenUp: true, tookMs: tookMs() }, 'a command was no longer needed');
      throw error;
    }
    const failure = error instanceof HoldfastError ? { code: error.code, exitCode: error.values['exitCode'] } : {};
    logger.warn({ ...told, ...failure, tookMs: tookMs() }, 'a command failed on a host');
    throw error;
  }
}
