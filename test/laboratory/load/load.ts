import { setTimeout as pause } from 'node:timers/promises';
import type { CredentialsAnswer } from '../../../domain/schemas/credentials';
import { eventually } from '../../support/eventually';
import { login } from '../../system/support/endpoint';
import type { Port } from '../../system/support/endpoint';
import { longestGap } from '../../system/support/ledger';
import { startClient } from './client';
import type { Done, Operation } from './history';
import { attemptsOf, now, of } from './history';
import type { Numbers, Works } from './works';
import { bank, inserts, lists, registers } from './works';

/** All clients of the endpoint together, for one round of the laboratory. */
export interface Load {
  readonly history: readonly Done[];
  /** Returns when every client was told that something it began to write from now on is done. @throws Error that names those who were not. */
  untilAllWork(limitMs: number): Promise<void>;
  /** Ends when the operations that run have ended. */
  stop(): Promise<void>;
}

export interface LoadOptions {
  readonly credentials: CredentialsAnswer;
  /** Of rows, values and keys: nothing is written twice in all rounds together. */
  readonly numbers: Numbers;
  readonly record: (done: Done) => void;
}

const REGISTERS = 4;
const LISTS = 4;
/** Clients that are not at the same point of the same pause. */
const APART_MS = 7;

export async function startLoad({ credentials, numbers, record }: LoadOptions): Promise<Load> {
  const keys = (count: number): number[] => Array.from({ length: count }, () => numbers());
  const [registerKeys, listKeys] = [keys(REGISTERS), keys(LISTS)];
  const clients: readonly (readonly [name: string, port: Port, next: Works])[] = [
    ['direct', 'primaryPort', inserts(numbers)],
    ['pooled', 'pooledPort', inserts(numbers)],
    ['bank-1', 'primaryPort', bank(Math.random)],
    ['bank-2', 'pooledPort', bank(Math.random)],
    ['register-1', 'primaryPort', registers(registerKeys, numbers, Math.random)],
    ['register-2', 'primaryPort', registers(registerKeys, numbers, Math.random)],
    ['register-3', 'pooledPort', registers(registerKeys, numbers, Math.random)],
    ['lists-1', 'primaryPort', lists(listKeys, numbers, Math.random)],
    ['lists-2', 'primaryPort', lists(listKeys, numbers, Math.random)],
  ];
  const history: Done[] = [];
  const note = (done: Done): void => {
    history.push(done);
    record(done);
  };
  const running: ReturnType<typeof startClient>[] = [];
  for (const [name, port, next] of clients) {
    running.push(startClient(name, login(credentials, port), next, note));
    await pause(APART_MS);
  }
  return {
    history,
    async untilAllWork(limitMs) {
      const since = now();
      const isWorking = (name: string): boolean =>
        history.some(
          ({ client, result, beganAt, op }) => client === name && result === 'ok' && beganAt >= since && isWrite(op),
        );
      const idle = (): string[] => clients.map(([name]) => name).filter((name) => !isWorking(name));
      await eventually(() => idle().length === 0, { everyMs: 250, limitMs }).catch(() => {
        throw new Error(`nothing was acknowledged to ${idle().join(', ')} for ${limitMs / 1000} s`);
      });
    },
    stop: async () => void (await Promise.all(running.map((client) => client.stop()))),
  };
}

/** A former primary that nobody follows any more still answers reads. */
function isWrite(op: Operation): boolean {
  switch (op.kind) {
    case 'insert':
    case 'transfer':
    case 'write':
      return true;
    case 'cas':
      return op.swapped === true;
    case 'lists':
      return op.steps.some((step) => 'append' in step);
    case 'total':
    case 'read':
      return false;
  }
}

/** The longest time in ms without an acknowledged insert that `from` to `to` touches: of the client who had the worst. */
export function writeGap(history: readonly Done[], from: number, to: number): number {
  const inserts = of(history, 'insert');
  const clients = [...new Set(inserts.map(({ client }) => client))];
  const gaps = clients.map((name) => longestGap(attemptsOf(inserts.filter(({ client }) => client === name)), from, to));
  return Math.max(0, ...gaps);
}
