import { join } from 'node:path';
import { utils } from 'ssh2';
import { readPrivateFile } from './private-file';

/** An SSH key pair, ed25519. */
export interface SshKey {
  /** OpenSSH's own format. */
  readonly privatePem: string;
  /** `ssh-ed25519 AAAA… comment` */
  readonly publicLine: string;
}

/**
 * A key that a host proves itself by; its public line is pinned.
 * One key of 256 that ssh2 makes lacks a byte, because it strips a leading zero (its issues 1390 and 1513): such a one is
 * thrown away.
 */
export function makeHostKey(comment = 'holdfast host'): SshKey {
  for (;;) {
    const { private: privatePem, public: publicLine } = utils.generateKeyPairSync('ed25519', { comment });
    const halves = [utils.parseKey(privatePem), utils.parseKey(publicLine)];
    if (!halves.some((half) => half instanceof Error)) return { privatePem: withNewline(privatePem), publicLine };
  }
}

/**
 * The key by which the control plane enters hosts: `<home>/ssh/control_ed25519`, made at first use.
 * @throws Error with the remedy, when others can read the file or it holds no key.
 */
export async function loadControlKey(home: string): Promise<SshKey> {
  const make = (): string => makeHostKey('holdfast control').privatePem;
  const { path, content } = await readPrivateFile(join(home, 'ssh'), 'control_ed25519', make);
  const key = utils.parseKey(content);
  if (key instanceof Error) {
    throw new Error(`${path} holds no SSH key; restore it from your backup, without it no host can be entered`);
  }
  return { privatePem: content, publicLine: `${key.type} ${key.getPublicSSH().toString('base64')} ${key.comment}` };
}

/** sshd refuses a key file whose last line does not end. */
const withNewline = (pem: string): string => (pem.endsWith('\n') ? pem : `${pem}\n`);
