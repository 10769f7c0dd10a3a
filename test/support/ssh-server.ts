import { once } from 'node:events';
import { Server } from 'ssh2';
import type { Connection, ServerChannel } from 'ssh2';
import type { SshTarget } from '../../activities/host/ssh-connect';
import { makeHostKey } from '../../activities/secrets/ssh-keys';
import { freePort } from './free-port';

/** An SSH server on loopback that lets everybody in. It runs nothing: the test says what a command does. */
export interface SshServer {
  readonly port: number;
  readonly hostKey: SshTarget['hostKey'];
  /** How often somebody logged in. */
  readonly logins: number;
  close(): Promise<void>;
}

/** @param run gets each command and the channel that it has to end. @param loginMs that it takes to let somebody in. */
export async function startSshServer(
  run: (command: string, channel: ServerChannel) => void,
  loginMs = (): number => 0,
): Promise<SshServer> {
  const key = makeHostKey();
  const connections = new Set<Connection>();
  let logins = 0;
  const server = new Server({ hostKeys: [key.privatePem] }, (client) => {
    connections.add(client);
    client.on('error', () => undefined);
    client.on('close', () => connections.delete(client));
    client.on('authentication', (login) => void setTimeout(() => login.accept(), loginMs()));
    client.on('ready', () => (logins += 1));
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec, _reject, { command }) => run(command, acceptExec()));
    });
  });
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port,
    hostKey: key.publicLine,
    get logins() {
      return logins;
    },
    async close() {
      server.close();
      for (const connection of connections) connection.end();
      await once(server, 'close');
    },
  };
}
