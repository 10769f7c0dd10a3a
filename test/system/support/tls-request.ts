import { request as requestPlain } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestTls } from 'node:https';
import { text } from 'node:stream/consumers';

export interface TlsRequest {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly method?: string;
  readonly body?: string;
  /** Absent: plain HTTP. */
  readonly ca?: string;
  /** The client's own certificate, where it shows one. */
  readonly client?: { readonly certificatePem: string; readonly privateKeyPem: string };
}

/** `status` is null when no answer came: TLS or the server ended the connection; `body` then says how. */
export interface TlsAnswer {
  readonly status: number | null;
  readonly body: string;
}

const TIMEOUT_MS = 10_000;

/** One request on a connection of its own; verifies the server's certificate. */
export function send(wanted: TlsRequest): Promise<TlsAnswer> {
  const { host, port, path, method = 'GET', ca, client, body } = wanted;
  return new Promise((resolve) => {
    const options = { host, port, path, method, agent: false, timeout: TIMEOUT_MS };
    const answer = (response: IncomingMessage): void => {
      text(response).then(
        (content) => resolve({ status: response.statusCode ?? null, body: content }),
        (error: unknown) => resolve({ status: null, body: String(error) }),
      );
    };
    const own = client && { cert: client.certificatePem, key: client.privateKeyPem };
    const request = ca === undefined ? requestPlain(options, answer) : requestTls({ ...options, ca, ...own }, answer);
    request.on('error', (error) => resolve({ status: null, body: error.message }));
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.end(body);
  });
}
