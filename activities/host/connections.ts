import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'ssh2';
import { HoldfastError } from '../../domain/errors';
import { abortable } from './cancellation';
import { createChannels } from './channels';
import type { Channels } from './channels';
import { tellsSlowLogin } from './errors';
import { connectSsh, PATIENT, ROOT } from './ssh-connect';
import type { Patience, SshTarget } from './ssh-connect';

/** Connections that are open or being opened: one for each address and pinned key. */
export interface Connections {
  /**
   * A connection with a free channel; call `free` when the command is done. Tries for `forMs` while the host can't be
   * reached; once, when it is absent.
   * @throws HOST_UNREACHABLE, HOST_KEY_MISMATCH and HOST_LOGIN_REFUSED (at once), or the reason of `signal`.
   */
  lease(target: SshTarget, options: LeaseOptions): Promise<Lease>;
  /** The next command gets a new connection; those that run keep theirs. */
  forget(target: SshTarget): void;
  close(): void;
}

export interface LeaseOptions {
  readonly forMs: number | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface Lease {
  readonly client: Client;
  readonly free: () => void;
}

interface Connection {
  readonly client: Promise<Client>;
  readonly channels: Channels;
  idleTimer?: NodeJS.Timeout;
}

/** sshd allows 10 sessions on a connection (MaxSessions); one that just ended may still count there. */
const CHANNELS = 8;
/** While a host boots, its address may swallow packets: a short try finds the moment when it no longer does. */
const SHORT_TRY_MS = 1_000;
const RETRY_PAUSE_MS = 50;

/** The key belongs to it: a host that was made anew at the same address is another host. */
const nameOf = ({ ssh: { user = ROOT, host, port }, hostKey }: SshTarget): string =>
  `${user}@${host}:${port} ${hostKey}`;

/** @param idleMs a connection that had no command for so long is closed. */
export function createConnections(controlKey: string, idleMs: number, patience: Patience): Connections {
  const connections = new Map<string, Connection>();
  /** Those that are forgotten, too. */
  const all = new Set<Connection>();
  const connect = createLogins(controlKey, patience);

  const connectionTo = (target: SshTarget, tcpMs: number): Connection => {
    const name = nameOf(target);
    const known = connections.get(name);
    if (known) return known;
    const client = connect(target, tcpMs);
    const connection: Connection = { client, channels: createChannels(CHANNELS) };
    const forget = (): void => {
      clearTimeout(connection.idleTimer);
      all.delete(connection);
      if (connections.get(name) === connection) connections.delete(name);
    };
    connections.set(name, connection);
    all.add(connection);
    client.then((open) => open.once('close', forget), forget);
    return connection;
  };

  const leaseOnce = async (target: SshTarget, { forMs, signal }: LeaseOptions): Promise<Lease> => {
    const connection = connectionTo(target, forMs === undefined ? patience.tcpMs : SHORT_TRY_MS);
    clearTimeout(connection.idleTimer);
    const taking = connection.channels.take();
    const freeChannel = await abortable(taking, signal).catch((error: unknown) => {
      void taking.then((free) => free());
      throw error;
    });
    const free = (): void => {
      freeChannel();
      if (connection.channels.idle) closeWhenIdle(connection, idleMs);
    };
    try {
      return { client: await abortable(connection.client, signal), free };
    } catch (error) {
      free();
      throw error;
    }
  };

  return {
    lease: (target, options) => whileUnreachable(options, () => leaseOnce(target, options)),
    forget: (target) => void connections.delete(nameOf(target)),
    close: () => all.forEach(end),
  };
}

/** A host that is slow gets longer each time, up to ten seconds: a login that is given up costs it as much as one that succeeds. */
function createLogins(controlKey: string, patience: Patience): (target: SshTarget, tcpMs: number) => Promise<Client> {
  const slow = new Map<string, number>();
  return async (target, tcpMs) => {
    const name = nameOf(target);
    const loginMs = slow.get(name) ?? patience.loginMs;
    slow.delete(name);
    return connectSsh(target, controlKey, { ...patience, tcpMs, loginMs }).catch((error: unknown) => {
      if (tellsSlowLogin(error)) slow.set(name, Math.min(2 * loginMs, PATIENT.loginMs));
      throw error;
    });
  };
}

async function whileUnreachable<T>({ forMs, signal }: LeaseOptions, connect: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + (forMs ?? 0);
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await connect();
    } catch (error) {
      const curable = error instanceof HoldfastError && error.retryable;
      if (!curable || Date.now() + RETRY_PAUSE_MS > deadline) throw error;
    }
    await abortable(sleep(RETRY_PAUSE_MS), signal);
  }
}

const end = ({ client }: Connection): void => void client.then((open) => open.end()).catch(() => undefined);

function closeWhenIdle(connection: Connection, idleMs: number): void {
  clearTimeout(connection.idleTimer);
  connection.idleTimer = setTimeout(() => end(connection), idleMs);
  connection.idleTimer.unref();
}
