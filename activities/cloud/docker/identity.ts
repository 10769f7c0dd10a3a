import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import type { HostSpec } from '../cloud';

const FILE = { uid: 0, gid: 0, mtime: new Date(0) };

/**
 * The archive, to be unpacked at `/`, with what makes a container a host of its own that the control plane trusts and
 * is trusted by. As an archive, because environment, arguments, labels and layers of an image can all be read later.
 */
export function sshIdentity({ hostKey, authorizedKey }: Pick<HostSpec, 'hostKey' | 'authorizedKey'>): Promise<Buffer> {
  const archive = pack();
  const key = '/etc/ssh/ssh_host_ed25519_key';
  archive.entry({ ...FILE, name: key, mode: 0o600 }, lines(hostKey.privatePem));
  archive.entry({ ...FILE, name: `${key}.pub`, mode: 0o644 }, lines(hostKey.publicLine));
  archive.entry({ ...FILE, name: '/root/.ssh', type: 'directory', mode: 0o700 });
  archive.entry({ ...FILE, name: '/root/.ssh/authorized_keys', mode: 0o600 }, lines(authorizedKey));
  archive.finalize();
  return buffer(archive);
}

/** OpenSSH refuses a key file without its last line feed. */
const lines = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`);
