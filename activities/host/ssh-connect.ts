import { createHash } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { Client } from 'ssh2';
import type { ConnectConfig } from 'ssh2';
import type { SshAddress } from '../../domain/clusters';
import { keyMismatch, loginRefused, refusesLogin, unreachable } from './errors';

/** A host to connect to, and how it proves that it is the one that we made. */
export interface SshTarget {
  /** For messages: `orders/pg-1`. */
  readonly label: string;
  readonly ssh: SshAddress;
  /** Pinned public host key in OpenSSH's format (`ssh-ed25519 AAAA…`), or its fingerprint (`SHA256:…`). */
  readonly hostKey: string;
}

/** Who logs in where nothing else is said. */
export const ROOT = 'root';

/** How long a host may not answer. */
export interface Patience {
  /** For it to answer at all, in milliseconds. */
  readonly tcpMs: number;
  /** For the login after that. */
  readonly loginMs: number;
  /** How often it has to show that it is there. */
  readonly keepaliveMs: number;
  /** So many times it may fail to; then the connection is closed. */
  readonly keepalivesLost: number;
}

/** Work goes on over a network that stumbles, and on a host that has much to do. */
export const PATIENT: Patience = { tcpMs: 10_000, loginMs: 10_000, keepaliveMs: 3_000, keepalivesLost: 5 };
/** Two silent seconds: for who has to know soon that a host is away, and that it is back. */
export const ATTENTIVE: Patience = { tcpMs: 1_000, loginMs: 2_000, keepaliveMs: 500, keepalivesLost: 4 };

/**
 * Connects and logs in, in a single try.
 * @throws HOST_UNREACHABLE, HOST_KEY_MISMATCH, HOST_LOGIN_REFUSED.
 */
export async function connectSsh(target: SshTarget, controlKey: string, patience: Patience): Promise<Client> {
  const socket = await openSocket(target, patience.tcpMs);
  const client = new Client();
  let mismatch = false;
  try {
    await new Promise<void>((resolve, reject) => {
      // Stays as long as the client: an 'error' that nobody hears would end the process.
      client.on('error', reject);
      client.once('ready', resolve);
      client.once('close', () => reject(new Error('the connection closed during the handshake')));
      client.connect(
        settings(target, socket, controlKey, patience, (matches) => {
          mismatch = !matches;
        }),
      );
    });
    return client;
  } catch (error) {
    client.destroy();
    if (mismatch) throw keyMismatch(target.label);
    throw refusesLogin(error)
      ? loginRefused(target.label, target.ssh.user ?? ROOT, error)
      : unreachable(target.label, error);
  }
}

function settings(
  target: SshTarget,
  sock: Socket,
  controlKey: string,
  { loginMs, keepaliveMs, keepalivesLost }: Patience,
  onKey: (matches: boolean) => void,
): ConnectConfig {
  return {
    sock,
    username: target.ssh.user ?? ROOT,
    privateKey: controlKey,
    hostVerifier: (shown: Buffer) => {
      const matches = isPinned(target.hostKey, shown);
      onKey(matches);
      return matches;
    },
    // Ciphers that Node does natively: ssh2's own default would compute on the event loop.
    algorithms: { serverHostKey: ['ssh-ed25519'], cipher: ['aes256-gcm@openssh.com', 'aes128-gcm@openssh.com'] },
    readyTimeout: loginMs,
    keepaliveInterval: keepaliveMs,
    keepaliveCountMax: keepalivesLost,
  };
}

const FINGERPRINT = 'SHA256:';

function isPinned(hostKey: string, shown: Buffer): boolean {
  if (hostKey.startsWith(FINGERPRINT)) {
    // OpenSSH writes base64 without its padding.
    const digest = createHash('sha256').update(shown).digest('base64').replace(/=+$/, '');
    return hostKey === `${FINGERPRINT}${digest}`;
  }
  const pinned = Buffer.from(hostKey.split(' ')[1] ?? '', 'base64');
  return pinned.length > 0 && pinned.equals(shown);
}

function openSocket(target: SshTarget, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const { host, port } = target.ssh;
    const socket = connectTcp({ host, port, noDelay: true });
    const timer = setTimeout(() => {
      socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
    }, timeoutMs);
    socket.once('error', (error) => {
      clearTimeout(timer);
      reject(unreachable(target.label, error));
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}
