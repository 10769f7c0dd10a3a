import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { ClusterSpec, EndpointAddress } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { abortable, cancellation } from '../host/cancellation';
import { identifier, sql } from './sql';

/**
 * Proof that an endpoint serves: a row written through the primary's port was acknowledged by the quorum, and is read
 * back through every port. It uses what a user would use: the owner's role, verified TLS, the endpoint's address.
 */

/** PostgreSQL says so when it stopped waiting for the quorum: such a commit is not acknowledged. */
const NOT_IN_QUORUM = '01000';
const CONNECT_TIMEOUT_MS = 3000;
const RETRY_MS = 100;

export interface Access {
  readonly spec: Pick<ClusterSpec, 'database' | 'owner'>;
  readonly password: string;
  /** Whether the port of the replicas must lead to one. */
  readonly hasReplicas: boolean;
  readonly caPem: string;
}

/** See {@link proveAddress}. */
export type ProveAddress = typeof proveAddress;

/**
 * @returns the exact version of the server that answers, such as `18.6`.
 * @throws NOT_YET when a port did not serve within `timeoutMs`; the message says which and why.
 */
export async function proveAddress(
  address: EndpointAddress,
  access: Access,
  proofId: string,
  timeoutMs: number,
): Promise<string> {
  const table = identifier(`holdfast_proof_${proofId}`);
  const deadline = Date.now() + timeoutMs;
  const through = <T>(port: number, act: (client: Client) => Promise<T>): Promise<T> =>
    untilDeadline(deadline, `Port ${port} of ${address.host} does not serve yet`, () =>
      withClient(address.host, port, access, act),
    );

  await through(address.primaryPort, async (client) => {
    await client.query(sql`DROP TABLE IF EXISTS ${table}`);
    await client.query(sql`CREATE TABLE ${table} AS SELECT ${proofId}::text AS proof`);
  });
  // A gateway that has not seen a replica yet leads to the primary: such an answer does not count.
  const where = access.hasReplicas ? sql`pg_is_in_recovery()` : sql`true`;
  const onReplica = `${sql`SELECT proof FROM ${table} WHERE `}${where}`;
  await through(address.replicaPort, (client) => readBack(client, onReplica, proofId));
  await through(address.pooledPort, async (client) => {
    await readBack(client, sql`SELECT proof FROM ${table}`, proofId);
    await client.query(sql`INSERT INTO ${table} VALUES ('pooled')`);
    await readBack(client, sql`SELECT proof FROM ${table} WHERE proof = 'pooled'`, 'pooled');
  });
  return through(address.primaryPort, async (client) => {
    await client.query(sql`DROP TABLE IF EXISTS ${table}`);
    const { rows } = await client.query<{ version: string }>(sql`SELECT current_setting('server_version') AS version`);
    return rows[0]?.version.split(' ')[0] ?? '';
  });
}

async function readBack(client: Client, query: string, expected: string): Promise<void> {
  const { rows } = await client.query<{ proof: string }>(query);
  if (rows[0]?.proof !== expected) throw new Error('the row that was written cannot be read');
}

async function withClient<T>(
  host: string,
  port: number,
  access: Access,
  act: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({
    host,
    port,
    user: access.spec.owner,
    database: access.spec.database,
    password: access.password,
    ssl: { ca: access.caPem, rejectUnauthorized: true },
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: 10_000,
  });
  let withoutQuorum = false;
  client.on('notice', (notice) => (withoutQuorum ||= notice.code === NOT_IN_QUORUM));
  // A connection that breaks also emits: the query's own rejection tells it.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const result = await act(client);
    if (withoutQuorum) throw new Error('a write was not acknowledged by the quorum');
    return result;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function untilDeadline<T>(deadline: number, what: string, attempt: () => Promise<T>): Promise<T> {
  const signal = cancellation();
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (Date.now() + RETRY_MS > deadline)
        throw new HoldfastError('NOT_YET', { what: `${what}: ${reason}` }, { cause: error });
      await abortable(sleep(RETRY_MS), signal);
    }
  }
}
