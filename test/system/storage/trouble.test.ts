import { once } from 'node:events';
import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAuthority, issueCertificate } from '../../../activities/secrets/certificates';
import type { KeyPair } from '../../../activities/secrets/certificates';
import { openStorage } from '../../../activities/storage/open';
import type { ConfiguredSite } from '../../../activities/storage/storage';
import { isAbsence } from '../../../domain/errors';
import type { SiteCheck } from '../../../domain/sites';
import { newTimeline } from '../storage-contract';
import { startStores } from '../support/stores';
import type { TestStores } from '../support/stores';

/** What is said of a site that can't be used, and whether a step tries again. */

let stores: TestStores;
let site: ConfiguredSite;
let authority: KeyPair;

beforeAll(async () => {
  stores = await startStores(['primary', 'secondary']);
  site = stores.site('primary');
  authority = await createAuthority('another authority', 1);
});
afterAll(() => stores.end());

interface Outcome {
  readonly check: SiteCheck;
  /** What an activity that uses the site fails with. */
  readonly code: string;
  readonly message: string;
}

async function use(changed: Partial<ConfiguredSite>): Promise<Outcome> {
  const storage = openStorage([{ ...site, accounts: 'shared', ...changed }]);
  try {
    const check = await storage.check('primary');
    const failure: unknown = await storage.write('primary', newTimeline(), 'key', Buffer.from('x')).then(
      () => new Error('it was written'),
      (error: unknown) => error,
    );
    const code = failure instanceof Error && 'code' in failure ? String(failure.code) : 'none';
    return { check, code, message: String(failure) };
  } finally {
    storage.close();
  }
}

/** A store that does what the test says, under a certificate that the site trusts. */
async function scripted(answer: RequestListener, act: (at: Partial<ConfiguredSite>) => Promise<void>): Promise<void> {
  const { certificatePem, privateKeyPem } = await issueCertificate(authority, {
    commonName: 'scripted',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    days: 1,
  });
  const server = createServer({ cert: certificatePem, key: privateKeyPem }, answer);
  await serve(server, (port) => act({ endpoint: `https://127.0.0.1:${port}`, caPem: authority.certificatePem }));
}

async function serve(server: Server, act: (port: number) => Promise<void>): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // Of a server that listens on TCP: never a pipe's name.
  try {
    await act(port);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const refused = (status: number, code: string): RequestListener => {
  return (request, response) => {
    request.resume();
    response.writeHead(status, { 'Content-Type': 'application/xml' });
    response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`);
  };
};

test.each([
  ['another authority', () => ({ caPem: authority.certificatePem }), /certificate .* is not to be trusted/, /caFile/],
  ['no authority named', () => ({ caPem: null }), /certificate .* is not to be trusted/, /caFile/],
  [
    'a name that the certificate has not',
    () => ({ endpoint: site.endpoint.replace('127.0.0.1', '127.0.0.2') }),
    /certificate .* is not to be trusted/,
    /certificate for that name/,
  ],
  [
    'an unknown key',
    () => ({ keys: { ...site.keys, accessKey: 'somebody' } }),
    /does not know the keys/,
    /accessKey and secretKey/,
  ],
  [
    'a wrong secret',
    () => ({ keys: { ...site.keys, secretKey: 'guess-of-a-secret' } }),
    /does not know the keys/,
    /accessKey and secretKey/,
  ],
  ['no such bucket', () => ({ bucket: 'elsewhere' }), /no bucket elsewhere/, /Create it/],
])('%s: what is wrong is said, and no step tries it again', async (_what, changed, message, remedy) => {
  const { check, code, message: told } = await use(changed());
  expect(check).toMatchObject({ ok: false, message: expect.stringMatching(message) as string });
  expect(check.remedy).toMatch(remedy);
  expect(code).toBe('SITE_REFUSED');
  expect(told).toMatch(message);
  expect(JSON.stringify(check) + told).not.toContain('guess-of-a-secret');
});

test('a store that was stopped is silent, and is waited for', async () => {
  await stores.stop('secondary');
  const { check, code } = await use({ endpoint: stores.site('secondary').endpoint });
  expect(check).toMatchObject({ ok: false, message: expect.stringMatching(/^Nothing answers at/) as string });
  expect(code).toBe('SITE_UNAVAILABLE');
  expect(isAbsence(code)).toBe(true);
  await stores.start('secondary');
});

test('a store that hangs is given up: a look after 5 s, a step after more, and that is tried again', async () => {
  await scripted(
    (request) => void request.resume(),
    async (at) => {
      const { check, code } = await use(at);
      expect(check.message).toMatch(/takes too long to answer/);
      expect(check.durationMs).toBeLessThan(8_000);
      expect(code).toBe('SITE_UNAVAILABLE');
    },
  );
});

test('a store that cuts connections is silent', async () => {
  await scripted(
    (request) => void request.socket.destroy(),
    async (at) => {
      const { check, code } = await use(at);
      expect(check.message).toMatch(/^Nothing answers at/);
      expect(code).toBe('SITE_UNAVAILABLE');
    },
  );
});

test.each([
  [500, 'InternalError', /trouble of its own/, 'SITE_UNAVAILABLE'],
  [503, 'SlowDown', /trouble of its own/, 'SITE_UNAVAILABLE'],
  [507, 'InsufficientStorage', /is full/, 'SITE_REFUSED'],
  [403, 'QuotaExceeded', /is full/, 'SITE_REFUSED'],
  [403, 'AccessDenied', /not allowed to do this in bucket holdfast/, 'SITE_REFUSED'],
  [403, 'RequestTimeTooSkewed', /clock/, 'SITE_REFUSED'],
  [400, 'SomethingNew', /refused: SomethingNew/, 'SITE_REFUSED'],
])('status %i and %s', async (status, name, message, expected) => {
  await scripted(refused(status, name), async (at) => {
    const { check, code } = await use(at);
    expect(check).toMatchObject({ ok: false, message: expect.stringMatching(message) as string });
    expect(code).toBe(expected);
  });
});

test('a store that gives back something else is found out', async () => {
  await scripted(
    (request, response) => {
      request.resume();
      response.end(request.method === 'GET' ? 'something else' : '');
    },
    async (at) => {
      const { check } = await use(at);
      expect(check).toMatchObject({ ok: false });
      expect(check.message).toMatch(/gave back something else/);
    },
  );
});

test('a server without TLS is named as what it is', async () => {
  await serve(createPlainServer(refused(200, 'x')), async (port) => {
    const { check, code } = await use({ endpoint: `https://127.0.0.1:${port}` });
    expect(check.message).toMatch(/does not speak TLS/);
    expect(code).toBe('SITE_REFUSED');
  });
});
