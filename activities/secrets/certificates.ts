// A dependency of @peculiar/x509 asks for it, and must find it loaded.
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Extension, JsonGeneralNames } from '@peculiar/x509';

/** Certificates of a cluster: EC P-256, an authority of the cluster's own and what it issues. */

export interface KeyPair {
  readonly certificatePem: string;
  /** PKCS#8. */
  readonly privateKeyPem: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** How many days it is valid from now. */
  readonly days: number;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
/** Hosts whose clock is a little behind must not refuse a certificate that was just made. */
const BACKDATE_MS = 3_600_000;
/** RFC 5280 allows 20; of random ones, 16 never meet twice. */
const SERIAL_BYTES = 16;

/** A self-signed authority, which can issue certificates of nodes but no further authority. */
export async function createAuthority(commonName: string, days: number): Promise<KeyPair> {
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.create(
    {
      ...validity(days),
      serialNumber: makeSerial(),
      subject: name(commonName),
      issuer: name(commonName),
      publicKey: keys.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return toPem(certificate, keys);
}

/** A certificate for a node that serves and connects (TLS server and client). */
export async function issueCertificate(authority: KeyPair, request: CertificateRequest): Promise<KeyPair> {
  const keys = await makeKeys();
  const issuer = new X509Certificate(authority.certificatePem);
  const certificate = await X509CertificateGenerator.create(
    {
      ...validity(request.days),
      serialNumber: makeSerial(),
      subject: name(request.commonName),
      issuer: issuer.subjectName.toJSON(),
      publicKey: keys.publicKey,
      signingKey: await importPrivateKey(authority.privateKeyPem),
      signingAlgorithm: ALGORITHM,
      extensions: await nodeExtensions(issuer, keys, request),
    },
    webcrypto,
  );
  return toPem(certificate, keys);
}

async function nodeExtensions(
  issuer: X509Certificate,
  keys: webcrypto.CryptoKeyPair,
  request: CertificateRequest,
): Promise<Extension[]> {
  const names: JsonGeneralNames = [
    ...request.dnsNames.map((value) => ({ type: 'dns' as const, value })),
    ...request.ipAddresses.map((value) => ({ type: 'ip' as const, value })),
  ];
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
    await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
    await AuthorityKeyIdentifierExtension.create(issuer, false, webcrypto),
    ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
  ];
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function importPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(pem), ALGORITHM, false, ['sign']);
}

async function toPem(certificate: X509Certificate, keys: webcrypto.CryptoKeyPair): Promise<KeyPair> {
  const privateKey = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificatePem: `${certificate.toString('pem')}\n`,
    privateKeyPem: `${PemConverter.encode(privateKey, PemConverter.PrivateKeyTag)}\n`,
  };
}

/** As a list and not as text: a comma or a plus sign in a name must not become another field. */
const name = (commonName: string): { CN: string[] }[] => [{ CN: [commonName] }];

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + days * DAY_MS) };
}

/** Positive, so that no reader takes it for a negative number, and never 0. */
function makeSerial(): string {
  const serial = randomBytes(SERIAL_BYTES);
  serial.writeUInt8((serial.readUInt8(0) & 0x7f) | 0x40, 0);
  return serial.toString('hex');
}
