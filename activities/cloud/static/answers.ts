import { createConnection } from 'node:net';
import type { SocketAddress } from '../../../domain/clusters';

const PROBE_MS = 2_000;

/** True when something accepts TCP connections there within 2 s. */
export function acceptsConnections({ host, port }: SocketAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: PROBE_MS });
    const end = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
}
