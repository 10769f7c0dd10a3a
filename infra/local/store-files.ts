import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { createAuthority, issueCertificate } from '../../activities/secrets/certificates';
import type { KeyPair } from '../../activities/secrets/certificates';
import { makePassword } from '../../activities/secrets/passwords';
import { readPrivateFile } from '../../activities/secrets/private-file';
import type { Credentials } from '../../activities/storage/storage';
import type { SitesFile } from '../../domain/schemas/sites';
import { CONTROL_HOSTNAME } from '../../domain/names';

/** What local object stores have on disk: authority, certificates, keys, folders, and the sites file that names them. */

const AUTHORITY_DAYS = 3650;
/** A store gets a new one at each start. */
const CERTIFICATE_DAYS = 825;
const BUCKET = 'holdfast';
const AUTHORITY_FILE = 'authority.crt';

/** Folders and files of one store. */
export interface StoreFiles {
  readonly data: string;
  /** Users of the store. */
  readonly iam: string;
  readonly certificate: string;
  readonly privateKey: string;
  readonly credentials: Credentials;
}

const keyPairSchema = z.object({ certificatePem: z.string(), privateKeyPem: z.string() });
const credentialsSchema = z.object({ accessKey: z.string(), secretKey: z.string() });

/** The authority that signs for the stores of one installation; made once. */
export async function storeAuthority(folder: string): Promise<KeyPair> {
  const make = async (): Promise<string> =>
    JSON.stringify(await createAuthority('Holdfast object stores of this machine', AUTHORITY_DAYS));
  const { content } = await readPrivateFile(folder, 'authority.json', make);
  const authority = keyPairSchema.parse(JSON.parse(content));
  writeFileSync(join(folder, AUTHORITY_FILE), authority.certificatePem, { mode: 0o600 });
  return authority;
}

/** Makes what is missing; keys are made once. */
export async function storeFiles(folder: string, name: string, authority: KeyPair): Promise<StoreFiles> {
  const at = (part: string): string => join(folder, name, part);
  for (const part of ['data', 'iam']) mkdirSync(at(part), { recursive: true, mode: 0o700 });
  const make = (): string =>
    JSON.stringify({ accessKey: `root-${randomBytes(8).toString('hex')}`, secretKey: makePassword() });
  const { content } = await readPrivateFile(join(folder, name), 'keys.json', make);
  const { certificatePem, privateKeyPem } = await issueCertificate(authority, {
    commonName: `Holdfast object store ${name}`,
    dnsNames: [CONTROL_HOSTNAME, 'localhost'],
    ipAddresses: ['127.0.0.1'],
    days: CERTIFICATE_DAYS,
  });
  writeFileSync(at('tls.crt'), certificatePem, { mode: 0o600 });
  writeFileSync(at('tls.key'), privateKeyPem, { mode: 0o600 });
  return {
    data: at('data'),
    iam: at('iam'),
    certificate: at('tls.crt'),
    privateKey: at('tls.key'),
    credentials: credentialsSchema.parse(JSON.parse(content)),
  };
}

/** As the file of docs/configuration.md has it; it lies beside the authority's certificate. */
export function sitesFileOf(stores: readonly { name: string; port: number; credentials: Credentials }[]): SitesFile {
  return {
    sites: stores.map(({ name, port, credentials }) => ({
      name,
      endpoint: `https://127.0.0.1:${port}`,
      hostEndpoint: `https://${CONTROL_HOSTNAME}:${port}`,
      bucket: BUCKET,
      caFile: AUTHORITY_FILE,
      accounts: 'versitygw',
      // Only their hosts are on this machine.
      clouds: ['docker'],
      ...credentials,
    })),
  };
}
