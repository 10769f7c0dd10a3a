import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { createAuthority, issueCertificate } from '../../../../activities/secrets/certificates';
import type { KeyPair } from '../../../../activities/secrets/certificates';

let authority: KeyPair;
let stranger: KeyPair;
let node: KeyPair;

beforeAll(async () => {
  authority = await createAuthority('Holdfast cluster orders, eu+west', 3650);
  // The same name: what tells them apart is the key alone.
  stranger = await createAuthority('Holdfast cluster orders, eu+west', 3650);
  node = await issueCertificate(authority, {
    commonName: 'pg-1.orders',
    dnsNames: ['pg-1', 'pg-1.orders'],
    ipAddresses: ['127.0.0.1', '::1'],
    days: 30,
  });
});

/** Serves with `server`, connects with `options`, and gives what `use` finds on the client's side. */
async function handshake<T>(server: KeyPair, options: ConnectionOptions, use: (socket: TLSSocket) => T): Promise<T> {
  const mutual = { ca: authority.certificatePem, requestCert: true, rejectUnauthorized: true };
  const listener = createServer({ cert: server.certificatePem, key: server.privateKeyPem, ...mutual }, (socket) => {
    socket.end('welcome');
  });
  listener.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  try {
    return await new Promise<T>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: address.port, ...options });
      // In TLS 1.3 the server's verdict on the client's certificate comes with the first bytes.
      socket.once('data', () => resolve(use(socket)));
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed')));
    });
  } finally {
    listener.close();
  }
}

const asClient = (pair: KeyPair): ConnectionOptions => ({ cert: pair.certificatePem, key: pair.privateKeyPem });

describe('a TLS connection', () => {
  test('verifies by IP address, and by name, with client certificates both ways', async () => {
    const options = { ca: authority.certificatePem, ...asClient(node) };
    expect(await handshake(node, options, (socket) => socket.authorized)).toBe(true);
    expect(await handshake(node, { ...options, servername: 'pg-1' }, (socket) => socket.authorized)).toBe(true);
  });

  test('to a name that the certificate does not hold is refused', async () => {
    const options = { ca: authority.certificatePem, ...asClient(node), servername: 'pg-2' };
    await expect(handshake(node, options, () => 'in')).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  test('by a client that trusts another authority of the same name is refused', async () => {
    const options = { ca: stranger.certificatePem, ...asClient(node) };
    await expect(handshake(node, options, () => 'in')).rejects.toThrow();
  });

  test('by a client with a certificate of another authority is refused', async () => {
    const forged = await issueCertificate(stranger, {
      commonName: 'pg-1.orders',
      dnsNames: ['pg-1'],
      ipAddresses: [],
      days: 1,
    });
    const options = { ca: authority.certificatePem, ...asClient(forged) };
    await expect(handshake(node, options, () => 'in')).rejects.toThrow();
  });

  test('a node can not issue certificates that others accept', async () => {
    const forged = await issueCertificate(node, {
      commonName: 'pg-9',
      dnsNames: [],
      ipAddresses: ['127.0.0.1'],
      days: 1,
    });
    const chain = { ...forged, certificatePem: forged.certificatePem + node.certificatePem };
    await expect(handshake(chain, { ca: authority.certificatePem, ...asClient(node) }, () => 'in')).rejects.toThrow();
  });
});

describe('a certificate', () => {
  test('names the node as asked, is valid from a little before now, and is no authority', () => {
    const certificate = new X509Certificate(node.certificatePem);
    expect(certificate.subject).toBe('CN=pg-1.orders');
    expect(certificate.issuer).toBe('CN=Holdfast cluster orders\\, eu\\+west');
    expect(certificate.subjectAltName).toBe(
      'DNS:pg-1, DNS:pg-1.orders, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(certificate.verify(new X509Certificate(authority.certificatePem).publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(node.privateKeyPem))).toBe(true);
    const days = (Date.parse(certificate.validTo) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(29.9);
    expect(days).toBeLessThanOrEqual(30);
    expect(Date.parse(certificate.validFrom)).toBeLessThan(Date.now() - 60_000);
  });

  test('the authority is one, of itself only', () => {
    const certificate = new X509Certificate(authority.certificatePem);
    expect(certificate.ca).toBe(true);
    expect(certificate.subject).toBe('CN=Holdfast cluster orders\\, eu\\+west');
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.verify(new X509Certificate(stranger.certificatePem).publicKey)).toBe(false);
  });

  test('serial numbers never repeat', async () => {
    const request = { commonName: 'pg-1', dnsNames: [], ipAddresses: [], days: 1 };
    const issued = await Promise.all(Array.from({ length: 20 }, () => issueCertificate(authority, request)));
    expect(new Set(issued.map((pair) => new X509Certificate(pair.certificatePem).serialNumber)).size).toBe(20);
  });

  test('passes the strict checks of OpenSSL, and keys are PKCS#8', () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-certificates-'));
    try {
      const write = (name: string, content: string): string => {
        writeFileSync(join(folder, name), content, { mode: 0o600 });
        return join(folder, name);
      };
      const ca = write('ca.crt', authority.certificatePem);
      const openssl = (...args: string[]): string => execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' });
      const verify = ['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_ip', '127.0.0.1', '-CAfile', ca];
      expect(openssl(...verify, write('node.crt', node.certificatePem))).toContain('OK');
      const text = openssl('x509', '-in', ca, '-noout', '-ext', 'basicConstraints,keyUsage');
      expect(text).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
      expect(text).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign/);
    } finally {
      rmSync(folder, { recursive: true });
    }
    expect(node.privateKeyPem).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
  });
});
