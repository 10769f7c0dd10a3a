import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { projectRoot } from '../project-root';
import { translate } from './errors';

/**
 * Brings the inventory's tables up to date: each file of migrations/ that was not applied yet, in order of its number,
 * each in a transaction of its own. Idempotent; of several processes that start at once, one migrates and the others wait.
 * @returns names of those applied now.
 * @throws UNAVAILABLE when the database does not answer.
 */
export async function migrate(databaseUrl: string): Promise<string[]> {
  const migrations = await readMigrations();
  const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined); // The statement that runs fails by itself and tells it.
  try {
    await client.connect();
    await client.query(`select pg_advisory_lock(hashtextextended('holdfast migrations', 0))`);
    return await applyMissing(client, migrations);
  } catch (error) {
    throw translate(error);
  } finally {
    await client.end().catch(() => undefined); // Ends the lock too.
  }
}

interface Migration {
  readonly name: string;
  readonly statements: string;
}

const folder = join(projectRoot(), 'activities', 'inventory', 'migrations');

async function readMigrations(): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(names.map(async (name) => ({ name, statements: await readFile(join(folder, name), 'utf8') })));
}

async function applyMissing(client: Client, migrations: readonly Migration[]): Promise<string[]> {
  await client.query(
    'create table if not exists schema_migrations (name text primary key, applied_at timestamptz not null default now())',
  );
  const known = await client.query<{ name: string }>('select name from schema_migrations');
  const applied = new Set(known.rows.map((row) => row.name));
  const missing = migrations.filter(({ name }) => !applied.has(name));
  for (const migration of missing) await apply(client, migration);
  return missing.map(({ name }) => name);
}

async function apply(client: Client, { name, statements }: Migration): Promise<void> {
  await client.query('begin');
  try {
    await client.query(statements);
    await client.query('insert into schema_migrations (name) values ($1)', [name]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}
