import { Client } from 'pg';
import type { ClientConfig } from 'pg';
import { z } from 'zod';
import type { CredentialsAnswer } from '../../../domain/schemas/credentials';

export const PORTS = ['primaryPort', 'replicaPort', 'pooledPort'] as const;
export type Port = (typeof PORTS)[number];

/** How a user of the cluster connects, by what the API said alone: the owner's role, TLS verified against the cluster's CA. */
export function login(credentials: CredentialsAnswer, port: Port): ClientConfig & { host: string; port: number } {
  const [address] = credentials.endpoint.addresses;
  if (!address) throw new Error('the endpoint has no address');
  return {
    host: address.host,
    port: address[port],
    user: credentials.username,
    password: credentials.password,
    database: credentials.database,
    ssl: { ca: credentials.caCertificate, rejectUnauthorized: true },
    connectionTimeoutMillis: 10_000,
    query_timeout: 60_000,
  };
}

/** Runs one statement on a connection of its own. */
export async function query<T extends object>(config: ClientConfig, statement: string): Promise<T[]> {
  const client = new Client(config);
  // A connection that breaks also emits: the query's own rejection tells it.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<T>(statement)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

// Jest runs tests in a realm of their own, where errors of Node's core are no instances of Error.
const refusalSchema = z.object({ code: z.string().default(''), message: z.string() });

/** What PostgreSQL, PgBouncer or TLS says when it refuses; fails when the statement succeeds. */
export async function refusal(config: ClientConfig, statement = 'select 1'): Promise<string> {
  const refused = await query(config, statement).then(
    () => null,
    (error: unknown) => refusalSchema.parse(error),
  );
  if (refused === null) throw new Error(`${config.user ?? ''} was not refused: ${statement}`);
  return `${refused.code} ${refused.message}`.trim();
}
