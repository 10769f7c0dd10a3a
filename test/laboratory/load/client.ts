import { setTimeout as pause } from 'node:timers/promises';
import type { ClientConfig } from 'pg';
import type { Done, Operation } from './history';
import { now } from './history';
import type { Session } from './session';
import { openSession } from './session';

/** What a client does next: it begins with what it knows, and returns what it was told. */
export interface Work {
  readonly op: Operation;
  /** @returns the operation with what was read. */
  run(session: Session): Promise<Operation>;
}

export interface LoadClient {
  /** Stops after the operation that runs. */
  stop(): Promise<void>;
}

const PAUSE_MS = 40;

/** Does one piece of work after the other, over any failure. @param record gets each once its result is known. */
export function startClient(
  client: string,
  config: ClientConfig,
  next: () => Work,
  record: (done: Done) => void,
): LoadClient {
  let stopped = false;
  const work = async (): Promise<void> => {
    let session: Session | null = null;
    while (!stopped) {
      session ??= await openSession(config).catch(() => null);
      if (session) record({ client, ...(await doOne(session, next())) });
      if (session?.usable === false) {
        await session.close();
        session = null;
      }
      await pause(PAUSE_MS);
    }
    await session?.close();
  };
  const working = work();
  return {
    async stop() {
      stopped = true;
      await working;
    },
  };
}

async function doOne(session: Session, work: Work): Promise<Omit<Done, 'client'>> {
  let told = work.op;
  const beganAt = now();
  const result = await session.resultOf(async () => {
    told = await work.run(session);
  });
  return { result, beganAt, endedAt: now(), op: told };
}
