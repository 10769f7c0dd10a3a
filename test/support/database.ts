import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

export interface TestDatabase {
  readonly url: string;
  /** Runs statements as the owner of the server. */
  query<T extends object>(text: string, values?: readonly unknown[]): Promise<T[]>;
  drop(): Promise<void>;
}

/**
 * A database of this test file's own, on the server that HOLDFAST_TEST_DATABASE_URL names (`npm test` starts one).
 * The test drops it at its end.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = process.env['HOLDFAST_TEST_DATABASE_URL'];
  if (!server) {
    throw new Error('set HOLDFAST_TEST_DATABASE_URL to a PostgreSQL on which databases may be made, or run `npm test`');
  }
  const name = `holdfast_test_${randomBytes(6).toString('hex')}`;
  await onServer(server, (client) => client.query(`create database ${name}`));
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    query: async <T extends object>(text: string, values: readonly unknown[] = []) =>
      onServer(url.href, async (client) => (await client.query<T>(text, [...values])).rows),
    drop: async () => {
      await onServer(server, (client) => client.query(`drop database if exists ${name} with (force)`));
    },
  };
}

async function onServer<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
