import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { Logger } from 'pino';
import type { OperationId } from '../../domain/ids';
import { operationId } from './rows';

/** Channel on which each commit with new events names its operation. */
export const EVENT_CHANNEL = 'holdfast_events';

/** Told which operation has new events; null means that any may have: announcements could have been missed. */
export type EventListener = (operationId: OperationId | null) => void;

/** One LISTEN connection of this process, shared by all listeners, that comes back by itself. */
export interface EventFeed {
  /** Starts to listen; returns how to stop. The connection is there when it returns. */
  listen(listener: EventListener): Promise<() => void>;
  close(): Promise<void>;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** A connection that died without a word (a cut cable) is found by this. */
const PROBE_EVERY_MS = 15_000;

/** Connects at the first {@link EventFeed.listen}. */
export function openEventFeed(databaseUrl: string, logger?: Pick<Logger, 'warn'>): EventFeed {
  const listeners = new Set<EventListener>();
  const closing = new AbortController();
  let connection: Promise<Client> | undefined;

  const tell: EventListener = (id) => listeners.forEach((listener) => listener(id));

  const connectFor = async (): Promise<Client> => {
    const client = await subscribe(databaseUrl, tell);
    void lost(client).then(async () => {
      if (closing.signal.aborted) return;
      logger?.warn('the connection that announces events broke; connecting again');
      connection = reconnect(connectFor, closing.signal);
      await connection.then(
        () => tell(null),
        () => undefined,
      );
    });
    return client;
  };

  return {
    listen: async (listener) => {
      listeners.add(listener);
      connection ??= reconnect(connectFor, closing.signal);
      await connection;
      return () => void listeners.delete(listener);
    },
    close: async () => {
      closing.abort();
      const client = await connection?.catch(() => undefined);
      await client?.end().catch(() => undefined);
    },
  };
}

async function subscribe(databaseUrl: string, tell: EventListener): Promise<Client> {
  const client = new Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
    keepAlive: true,
    application_name: 'holdfast events',
  });
  client.on('error', () => undefined); // `end` follows, and that is listened to.
  client.on('notification', ({ payload }) => {
    const parsed = operationId.safeParse(payload);
    if (parsed.success) tell(parsed.data);
  });
  try {
    await client.connect();
    await client.query(`listen ${EVENT_CHANNEL}`);
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  return client;
}

/** Resolves when the connection has ended, whoever ended it. */
function lost(client: Client): Promise<void> {
  return new Promise((resolve) => {
    const probe = setInterval(() => {
      client.query('select 1').catch(() => void client.end().catch(() => undefined));
    }, PROBE_EVERY_MS);
    probe.unref();
    client.once('end', () => {
      clearInterval(probe);
      resolve();
    });
  });
}

/** Tries until it works, with longer and longer pauses. @throws AbortError when the feed is closed. */
async function reconnect(connect: () => Promise<Client>, closed: AbortSignal): Promise<Client> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    closed.throwIfAborted();
    try {
      return await connect();
    } catch {
      await sleep(pause, undefined, { signal: closed });
    }
  }
}
