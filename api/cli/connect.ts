import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { CredentialsAnswer } from '../../domain/schemas/credentials';
import { toType } from './called-as';
import { CliError, EXIT } from './exit';

export type Port = 'primary' | 'replica' | 'pooled';

/** Where in a cluster. */
export interface Place {
  readonly port: Port;
  readonly database: string;
}

/** The URI with the CA in it: `psql "$(holdfast uri shop)"` just works, and verifies whom it talks to. */
export function uriWithCa(
  { uris }: Pick<CredentialsAnswer, 'uris'>,
  { port, database }: Place,
  caFile: string,
): string {
  // The API's has the first database: what is between the last slash and the question mark.
  const uri = uris[port].replace(/\/[^/?]*\?/, () => `/${encodeURIComponent(database)}?`);
  return `${uri}&sslrootcert=${encodeURIComponent(caFile)}`;
}

/**
 * Runs the system's psql and returns its exit code. The password travels in a file that only this user can read, not
 * in argv or the environment, which others may see; it is gone when psql is.
 */
export async function runPsql(
  credentials: CredentialsAnswer,
  place: Place,
  caFile: string,
  args: readonly string[],
): Promise<number> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    const passfile = path.join(folder, 'pgpass');
    writeFileSync(passfile, passLine(credentials), { mode: 0o600 });
    return await spawnPsql(args, {
      ...withoutConnectionSettings(process.env),
      ...connectionEnvironment(credentials, place),
      PGPASSFILE: passfile,
      PGSSLROOTCERT: caFile,
    });
  } finally {
    remove();
  }
}

/**
 * A line of libpq's password file, in which a colon or backslash of a value is escaped. It is good for every database: psql may be
 * told another one, by its own `-d` or by `\c`.
 */
export function passLine({ username, password }: Pick<CredentialsAnswer, 'username' | 'password'>): string {
  const escaped = [username, password].map((value) => value.replace(/[\\:]/g, '\\$&'));
  return `*:*:*:${escaped.join(':')}\n`;
}

/** What of libpq's and psql's variables says nothing of where and as whom to connect. */
const HARMLESS = new Set(['PGTZ', 'PGDATESTYLE', 'PGCLIENTENCODING', 'PGAPPNAME', 'PGCONNECT_TIMEOUT']);

/** The user's PGPASSWORD, PGHOSTADDR, PGSERVICE and the like would overrule what is set here. PSQL_… are psql's own. */
export function withoutConnectionSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('PG') || HARMLESS.has(name)),
  );
}

function connectionEnvironment(
  { endpoint, username }: CredentialsAnswer,
  { port, database }: Place,
): Record<string, string> {
  const portOf = { primary: 'primaryPort', replica: 'replicaPort', pooled: 'pooledPort' } as const;
  return {
    PGHOST: endpoint.addresses.map((address) => address.host).join(','),
    PGPORT: endpoint.addresses.map((address) => address[portOf[port]]).join(','),
    PGUSER: username,
    PGDATABASE: database,
    PGSSLMODE: 'verify-full',
  };
}

function spawnPsql(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  // Ctrl-C is psql's: it cancels the running query there.
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  return new Promise<number>((resolve, reject) => {
    const child = spawn('psql', [...args], { stdio: 'inherit', env });
    child.once('error', (error) => reject(noPsql(error)));
    child.once('exit', (code) => resolve(code ?? EXIT.error));
  }).finally(() => process.off('SIGINT', ignore));
}

function noPsql(error: Error): Error {
  if (!('code' in error) || error.code !== 'ENOENT') return error;
  return new CliError(
    'psql is not on the PATH.',
    EXIT.error,
    `install it (Debian: apt install postgresql-client; macOS: brew install libpq), or use ${toType('uri NAME')} with another client`,
  );
}
