import { Client } from 'pg';
import type { TestDatabase } from './database';
import { createTestDatabase } from './database';

/**
 * A real PostgreSQL that takes rows of a table for its standbys: a temporary table hides what the catalogue has under its name. Empty
 * before each test. @param columns those of pg_stat_replication that are asked for. @returns the connection that sees it so.
 */
export function useReplicationTable(columns: string): () => Client {
  let database: TestDatabase;
  let client: Client;
  beforeAll(async () => {
    database = await createTestDatabase();
    client = new Client({ connectionString: database.url });
    await client.connect();
    await client.query(`create temporary table pg_stat_replication (${columns})`);
  });
  afterAll(async () => {
    await client?.end();
    await database?.drop();
  });
  beforeEach(() => client.query('truncate pg_temp.pg_stat_replication'));
  return () => client;
}
