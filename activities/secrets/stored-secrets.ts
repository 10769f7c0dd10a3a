import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import type { KeyPair } from './certificates';
import type { SshKey } from './ssh-keys';

/** What the secrets of a cluster are called in the store, and how those that are more than a word are written there. */

/** How the names of secrets begin that backups need. */
export const BACKUP_SECRETS = 'backup/';

/** How those of one lineage begin. */
export const secretsOfLineage = (timeline: string): string => `${BACKUP_SECRETS}${timeline}/`;

export const SECRET_NAMES = {
  /** Certificate and private key of the cluster's own CA. */
  authority: 'ca',
  /** Certificate and private key of a node. */
  certificate: (node: string): string => `certificate/${node}`,
  /** The key by which a node's sshd proves itself. */
  hostKey: (node: string): string => `ssh-host-key/${node}`,
  /** Password of a role of PostgreSQL. */
  role: (role: string): string => `role/${role}`,
  /** What encrypts the backups of a lineage; like what follows it outlives its cluster as long as they do. */
  backupPassphrase: (timeline: string): string => `${secretsOfLineage(timeline)}passphrase`,
  /** The owner's password, as it was when the cluster was deleted. */
  backupOwner: (timeline: string): string => `${secretsOfLineage(timeline)}owner`,
  /** The certificate authority of the cluster that was deleted: whoever trusts it trusts the one that takes its place. */
  backupAuthority: (timeline: string): string => `${secretsOfLineage(timeline)}ca`,
  /** Access key and secret key of a lineage on a site. */
  siteAccount: (timeline: string, site: string): string => `${secretsOfLineage(timeline)}site/${site}`,
} as const;

const certificate = z.object({ certificatePem: z.string() });
const keyPair = z.object({ certificatePem: z.string(), privateKeyPem: z.string() });
const account = z.object({ accessKey: z.string(), secretKey: z.string() });
const hostKey = z.object({ privatePem: z.string(), publicLine: z.string() });

/** @throws SECRET_UNREADABLE. */
export const parseKeyPair = (text: string): KeyPair => parse('certificate', keyPair, text);

/** The certificate alone, for those who have no business with its key. @throws SECRET_UNREADABLE. */
export const parseCertificate = (text: string): string => parse('certificate', certificate, text).certificatePem;

/** @throws SECRET_UNREADABLE. */
export const parseHostKey = (text: string): SshKey => parse('ssh-host-key', hostKey, text);

/** @throws SECRET_UNREADABLE. */
export const parseAccount = (text: string): z.infer<typeof account> => parse('site', account, text);

/** The error tells neither the text nor where it broke: both would be pieces of a secret. */
function parse<T>(name: string, shape: z.ZodType<T>, text: string): T {
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    throw new HoldfastError('SECRET_UNREADABLE', { name });
  }
}
