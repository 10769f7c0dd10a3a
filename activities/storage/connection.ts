import { Agent } from 'node:https';
import { getCACertificates } from 'node:tls';
import { S3Client } from '@aws-sdk/client-s3';
import type { Site } from '../../domain/sites';
import type { Credentials } from './storage';

/** A store that can't be reached is given up long before a step is. */
const CONNECT_TIMEOUT_MS = 3_000;
/** Nothing came for so long: a store that hangs. */
export const IDLE_TIMEOUT_MS = 15_000;
/** More at once than a worker's activities ask for. */
const SOCKETS = 32;

/** The way to one site: TLS that trusts its authority, and no other where one is named. */
export interface SiteConnection {
  readonly site: Site;
  readonly keys: Credentials;
  readonly agent: Agent;
  readonly s3: S3Client;
  readonly close: () => void;
}

/** @param keys of the site, or of an account on it. */
export function connectSite(site: Site, keys: Credentials): SiteConnection {
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS, ca: authoritiesOf(site) });
  const s3 = new S3Client({
    endpoint: site.endpoint,
    region: site.region,
    forcePathStyle: site.pathStyle,
    credentials: { accessKeyId: keys.accessKey, secretAccessKey: keys.secretKey },
    // Stores that are not Amazon's know the older checksums only.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Whoever asks tries again: a step by its retry class, a check by being asked again.
    maxAttempts: 1,
    requestHandler: { httpsAgent: agent, connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: IDLE_TIMEOUT_MS },
  });
  s3.middlewareStack.add((next) => (args) => next(args).catch(keepCause), { step: 'finalizeRequest', priority: 'low' });
  return {
    site,
    keys,
    agent,
    s3,
    close: () => {
      s3.destroy();
      agent.destroy();
    },
  };
}

/** The SDK makes an error without a code of what is no `Error` of its own realm, as errors of Node.js are under Jest. */
function keepCause(error: unknown): never {
  if (error instanceof Error || typeof error !== 'object' || error === null) throw error;
  const part = (key: string): unknown => Reflect.get(error, key);
  throw Object.assign(new Error(String(part('message'))), { name: part('name'), code: part('code') });
}

/** The system's as well as those that Node.js brings: hosts trust the system's. */
const authoritiesOf = ({ caPem }: Site): string[] =>
  caPem === null ? [...getCACertificates('default'), ...getCACertificates('system')] : [caPem];
