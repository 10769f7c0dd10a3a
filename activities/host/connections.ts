import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'ssh2';
import { HoldfastError } from '../../domain/errors';
import { abortable } from './cancellation';
import { createChannels } from './channels';
import type { Channels } from './channels';
import { connectSsh, ROOT } from './ssh-connect';
import type { SshTarget } from './ssh-connect';

/** Connections that are open or being opened: one for each address and pinned key. */
export interface Connections {
  /**
   * A connection with a free channel; call `free` when the command is done. Tries for `forMs` while the host can't be
   * reached; once, when it is absent.
   * @throws HOST_UNREACHABLE, HOST_KEY_MISMATCH and HOST_LOGIN_REFUSED (at once), or the reason of `signal`.
   */
  lease(target: SshTarget, options: LeaseOptions): Promise<Lease>;
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

/** @param idleMs a connection that had no command for so long is closed. */
export function createConnections(controlKey: string, idleMs: number): Connections {
  const connections = new Map<string, Connection>();

  const connectionTo = (target: SshTarget, tcpTimeoutMs: number | undefined): Connection => {
    // The key belongs to it: a host that was made anew at the same address is another host.
    const { user = ROOT, host, port } = target.ssh;
    const name = `${user}@${host}:${port} ${target.hostKey}`;
    const known = connections.get(name);
    if (known) return known;
    const client = connectSsh(target, controlKey, tcpTimeoutMs);
    const connection: Connection = { client, channels: createChannels(CHANNELS) };
    const forget = (): void => {
      clearTimeout(connection.idleTimer);
      if (connections.get(name) === connection) connections.delete(name);
    };
    connections.set(name, connection);
    client.then((open) => open.once('close', forget), forget);
    return connection;
  };

  const leaseOnce = async (target: SshTarget, { forMs, signal }: LeaseOptions): Promise<Lease> => {
    const connection = connectionTo(target, forMs === undefined ? undefined : SHORT_TRY_MS);
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
    close: () => {
      for (const { client } of connections.values()) void client.then((open) => open.end()).catch(() => undefined);
    },
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

function closeWhenIdle(connection: Connection, idleMs: number): void {
  clearTimeout(connection.idleTimer);
  connection.idleTimer = setTimeout(() => {
    void connection.client.then((open) => open.end()).catch(() => undefined);
  }, idleMs);
  connection.idleTimer.unref();
}
