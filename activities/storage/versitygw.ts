import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { SignatureV4 } from '@smithy/signature-v4';
import { IDLE_TIMEOUT_MS } from './connection';
import type { SiteConnection } from './connection';
import type { Credentials } from './storage';

/**
 * What versitygw can do besides S3: users, and buckets that belong to one of them. The same port, signed with the key of
 * an administrator. (Its own command would need that key in its arguments or its environment.)
 */
export interface GatewayAdmin {
  /** Makes the user, or gives the one who is there that secret. A user reads and writes the own bucket only. */
  ensureUser(user: Credentials): Promise<void>;
  /** Whether or not there is one. */
  deleteUser(accessKey: string): Promise<void>;
  /** Makes the bucket, or gives the one that is there to that user. */
  ensureBucket(bucket: string, owner: string): Promise<void>;
}

/** Named after the store's own code, as errors of the SDK are, so that trouble.ts reads both. */
class GatewayError extends Error {
  constructor(
    override readonly name: string,
    readonly $metadata: { readonly httpStatusCode: number },
  ) {
    super('versitygw refused');
  }
}

interface Call {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export function createGatewayAdmin(connection: SiteConnection): GatewayAdmin {
  const patch = (call: Call): Promise<void> => send(connection, call);
  return {
    async ensureUser({ accessKey, secretKey }) {
      const secret = `<Secret>${plain(secretKey)}</Secret>`;
      const role = '<Role>user</Role>';
      const user = `<Account><Access>${plain(accessKey)}</Access>${secret}${role}</Account>`;
      await unless('XAdminUserExists', patch({ path: '/create-user', body: user }), () =>
        patch({
          path: '/update-user',
          query: { access: accessKey },
          body: `<MutableProps>${secret}${role}</MutableProps>`,
        }),
      );
    },
    deleteUser: (accessKey) => patch({ path: '/delete-user', query: { access: accessKey } }),
    async ensureBucket(bucket, owner) {
      await unless(/^BucketAlready/, patch({ path: `/${bucket}/create`, headers: { 'x-vgw-owner': owner } }), () =>
        patch({ path: '/change-bucket-owner', query: { bucket, owner } }),
      );
    },
  };
}

async function unless(known: string | RegExp, call: Promise<void>, instead: () => Promise<void>): Promise<void> {
  try {
    await call;
  } catch (error) {
    const name = error instanceof GatewayError ? error.name : '';
    if (typeof known === 'string' ? name !== known : !known.test(name)) throw error;
    await instead();
  }
}

async function send(connection: SiteConnection, { path, query = {}, headers = {}, body = '' }: Call): Promise<void> {
  const { site, keys, agent, s3 } = connection;
  const { hostname, port, host } = new URL(site.endpoint);
  const signer = new SignatureV4({
    service: 's3',
    region: site.region,
    credentials: { accessKeyId: keys.accessKey, secretAccessKey: keys.secretKey },
    sha256: s3.config.sha256,
    uriEscapePath: false,
  });
  const message = { method: 'PATCH', protocol: 'https:', hostname, path, query, headers: { ...headers, host }, body };
  const signed = await signer.sign(message);
  const search = new URLSearchParams(query).toString();
  const options = {
    agent,
    hostname,
    port,
    path: search === '' ? path : `${path}?${search}`,
    method: 'PATCH',
    headers: { ...signed.headers, 'content-length': String(Buffer.byteLength(body)) },
    signal: AbortSignal.timeout(IDLE_TIMEOUT_MS),
  };
  const { status, answer } = await new Promise<{ status: number; answer: string }>((resolve, reject) => {
    const sent = request(options, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 500, answer }), reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
  if (status < 300) return;
  throw new GatewayError(/<Code>(\w+)<\/Code>/.exec(answer)?.[1] ?? 'Error', { httpStatusCode: status });
}

/** Keys are made by us, of characters that XML takes as they are. @throws RangeError for others. */
function plain(key: string): string {
  if (/^[\w.~-]+$/.test(key)) return key;
  throw new RangeError('a key has letters, digits and ._~- only');
}
