import { createServer } from 'node:https';
import type { RequestListener } from 'node:http';
import { createAuthority, issueCertificate } from '../../activities/secrets/certificates';

/** A store that answers as a test has it answer, over TLS as a real one does. */
export interface TlsStore {
  /** `https://127.0.0.1:40123`. */
  readonly url: string;
  /** The authority that its certificate is of, as PEM. */
  readonly ca: string;
  close(): void;
}

export async function startTlsStore(answer: RequestListener): Promise<TlsStore> {
  const authority = await createAuthority('a store', 1);
  const { certificatePem: cert, privateKeyPem: key } = await issueCertificate(authority, {
    commonName: 'store',
    dnsNames: ['store'],
    ipAddresses: ['127.0.0.1'],
    days: 1,
  });
  const server = createServer({ cert, key }, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `https://127.0.0.1:${address.port}`,
    ca: authority.certificatePem,
    close: () => void server.close(),
  };
}
