import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A cable between two programs that a test can cut. */
export interface TcpProxy {
  /** `127.0.0.1:port` to connect to instead. */
  readonly address: string;
  /** How many were made through it. */
  readonly connections: number;
  /** Bytes no longer go through, though connections stay open and new ones are taken: as a firewall that drops packets. */
  block(): void;
  /** Only the answers are held back: what is asked happens, and nobody hears of it. */
  blockAnswers(): void;
  /** As {@link blockAnswers}, from the moment on at which the questions have held all these texts, one after the other. */
  blockAnswersAfter(...texts: readonly string[]): Promise<void>;
  /** Lets through what was held back too. */
  unblock(): void;
  /** Nothing goes through the connections of now any more, nor do they end: as if the host had lost its power. New ones are as before. */
  strand(): void;
  close(): Promise<void>;
}

/** @param target `host:port`. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const [host = '', port = ''] = target.split(':');
  const pairs = new Set<readonly [client: Socket, server: Socket]>();
  const stranded = new Set<readonly [Socket, Socket]>();
  let connections = 0;
  let holdsQuestions = false;
  let holdsAnswers = false;
  const ears = new Set<(question: string) => void>();
  const apply = (): void => {
    for (const pair of pairs) {
      const [client, server] = pair;
      const isStranded = stranded.has(pair);
      forward(client, server, holdsQuestions || isStranded);
      forward(server, client, holdsAnswers || isStranded);
    }
  };
  const listener = createServer((client) => {
    connections += 1;
    const server = connect(Number(port), host);
    const pair = [client, server] as const;
    pairs.add(pair);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        other.destroy();
        pairs.delete(pair);
      });
    }
    client.on('data', (question) => ears.forEach((hear) => hear(question.toString('latin1'))));
    apply();
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const hold = (questions: boolean, answers: boolean): void => {
    [holdsQuestions, holdsAnswers] = [questions, answers];
    apply();
  };
  return {
    // It listens on TCP: never a pipe's name.
    address: `127.0.0.1:${(listener.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    block: () => hold(true, true),
    blockAnswers: () => hold(false, true),
    blockAnswersAfter: (...texts) =>
      new Promise((resolve) => {
        const awaited = [...texts];
        const hear = (question: string): void => {
          if (awaited[0] !== undefined && question.includes(awaited[0])) awaited.shift();
          if (awaited.length > 0) return;
          ears.delete(hear);
          hold(false, true);
          resolve();
        };
        ears.add(hear);
      }),
    unblock: () => hold(false, false),
    strand() {
      pairs.forEach((pair) => stranded.add(pair));
      apply();
    },
    async close() {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
}

function forward(from: Socket, to: Socket, held: boolean): void {
  from.unpipe(to);
  if (held) from.pause();
  else from.pipe(to);
}
