import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import type { KeyPair } from './certificates';
import type { SshKey } from './ssh-keys';

/** What the secrets of a cluster are called in the store, and how those that are more than a word are written there. */

export const SECRET_NAMES = {
  /** Certificate and private key of the cluster's own CA. */
  authority: 'ca',
  /** Certificate and private key of a node. */
  certificate: (node: string): string => `certificate/${node}`,
  /** The key by which a node's sshd proves itself. */
  hostKey: (node: string): string => `ssh-host-key/${node}`,
  /** Password of a role of PostgreSQL. */
  role: (role: string): string => `role/${role}`,
} as const;

const certificate = z.object({ certificatePem: z.string() });
const keyPair = z.object({ certificatePem: z.string(), privateKeyPem: z.string() });
const hostKey = z.object({ privatePem: z.string(), publicLine: z.string() });

/** @throws SECRET_UNREADABLE. */
export const parseKeyPair = (text: string): KeyPair => parse('certificate', keyPair, text);

/** The certificate alone, for those who have no business with its key. @throws SECRET_UNREADABLE. */
export const parseCertificate = (text: string): string => parse('certificate', certificate, text).certificatePem;

/** @throws SECRET_UNREADABLE. */
export const parseHostKey = (text: string): SshKey => parse('ssh-host-key', hostKey, text);

/** The error tells neither the text nor where it broke: both would be pieces of a secret. */
function parse<T>(name: string, shape: z.ZodType<T>, text: string): T {
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    throw new HoldfastError('SECRET_UNREADABLE', { name });
  }
}
