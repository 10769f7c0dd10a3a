import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { Client } from 'ssh2';
import type { SshKey } from '../../../activities/secrets/ssh-keys';
import type { SocketAddress } from '../../../domain/clusters';
import { untilSuccess } from '../../support/eventually';

export interface SshTarget {
  readonly at: SocketAddress;
  readonly hostKey: SshKey;
  readonly clientKey: SshKey;
}

/** Runs a command over SSH, if the host shows the right key, and returns what it wrote, errors included. */
export function ssh({ at, hostKey, clientKey }: SshTarget, command: string): Promise<string> {
  const expected = Buffer.from(hostKey.publicLine.split(' ')[1] ?? '', 'base64');
  return new Promise((resolve, reject) => {
    const client = new Client();
    client.on('error', reject);
    client.on('ready', () =>
      client.exec(`exec 2>&1; ${command}`, (error, channel) => {
        if (error) return reject(error);
        text(channel)
          .then(resolve, reject)
          .finally(() => client.end());
      }),
    );
    const hostVerifier = (key: Buffer): boolean => key.equals(expected);
    client.connect({ ...at, username: 'root', privateKey: clientKey.privatePem, readyTimeout: 5_000, hostVerifier });
  });
}

/** Like {@link ssh}, of a host that may still boot. */
export function sshWhenUp(target: SshTarget, command: string): Promise<string> {
  return untilSuccess(() => ssh(target, command), { limitMs: 60_000 });
}

/** True when something listens there. */
export function answers({ host, port }: SocketAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: 2_000 });
    const end = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
}
