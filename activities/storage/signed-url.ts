import { createHash, createHmac } from 'node:crypto';
import type { Hash, Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Site } from '../../domain/sites';
import type { Credentials } from './storage';

/** URLs that let whoever has them do one thing with one object for a while. Signing asks no store. */

export interface SignedRequest {
  readonly method: 'GET' | 'PUT';
  /** `https://host[:port]`, as whoever is given the URL reaches it: it is a part of what is signed. */
  readonly endpoint: string;
  readonly site: Pick<Site, 'region' | 'pathStyle'>;
  readonly bucket: string;
  /** Of letters, digits and `/._-`. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  /** S3 allows a week at most. */
  readonly expiresS: number;
}

/** @param keys that open the object. */
export async function signUrl(keys: Credentials, request: SignedRequest): Promise<string> {
  const { method, site, bucket, key, query = {}, expiresS } = request;
  const { protocol, host, port, hostname } = new URL(request.endpoint);
  const name = site.pathStyle ? { hostname, host } : { hostname: `${bucket}.${hostname}`, host: `${bucket}.${host}` };
  const path = site.pathStyle ? `/${bucket}/${key}` : `/${key}`;
  const signer = new SignatureV4({
    service: 's3',
    region: site.region,
    credentials: { accessKeyId: keys.accessKey, secretAccessKey: keys.secretKey },
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
  // The body is not there when the URL is signed.
  const headers = { host: name.host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' };
  const message = { method, protocol, hostname: name.hostname, ...(port !== '' && { port: Number(port) }), path };
  const signed = await signer.presign({ ...message, query: { ...query }, headers }, { expiresIn: expiresS });
  const words = Object.entries(signed.query ?? {}).map(([word, value]) => `${encode(word)}=${encode(String(value))}`);
  return `${protocol}//${name.host}${path}?${words.join('&')}`;
}

/** As RFC 3986 says, which SigV4 follows. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

/** What the signer hashes with. */
class Sha256 {
  private hash: Hash | Hmac;

  constructor(private readonly secret?: string | ArrayBuffer | ArrayBufferView) {
    this.hash = newHash(secret);
  }

  update(data: Uint8Array): void {
    this.hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.hash.digest());
  }

  reset(): void {
    this.hash = newHash(this.secret);
  }
}

function newHash(secret?: string | ArrayBuffer | ArrayBufferView): Hash | Hmac {
  if (secret === undefined) return createHash('sha256');
  if (typeof secret === 'string') return createHmac('sha256', secret);
  const bytes = ArrayBuffer.isView(secret)
    ? Buffer.from(secret.buffer, secret.byteOffset, secret.byteLength)
    : Buffer.from(secret);
  return createHmac('sha256', bytes);
}
