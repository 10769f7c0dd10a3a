import type Docker from 'dockerode';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, DatabaseError } from 'pg';
import { identifier, script, sql, unless } from '../../activities/postgres/sql';
import { runCommand } from './command';
import { reasonOf } from './problem';

/** A PostgreSQL server in a container of the golden image, on loopback. */
export interface ServerSpec {
  /** Of the container and its volume. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
  readonly port: number;
  readonly password: string;
  /** False for tests: several times faster, lost when the machine stops, and the role may do everything. */
  readonly durable: boolean;
}

export const ROLE = 'holdfast';
const PORT_LABEL = 'holdfast.inventory-port';
const DATABASE = 'holdfast';
const DATA = '/var/lib/inventory';
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_SECONDS = 10;

// A kill in the middle of initdb leaves 17.new, never half of 17. The first argument is the role that can come in by network.
const SCRIPT = `set -eu
bin=/usr/lib/postgresql/17/bin
install -d -o postgres -g postgres ${DATA} /var/run/postgresql
cd ${DATA}
as_postgres="setpriv --reuid=postgres --regid=postgres --clear-groups"
if [ ! -d 17 ]; then
  rm -rf 17.new
  $as_postgres $bin/initdb --no-sync -D 17.new -E UTF8 --locale=C.UTF-8 --data-checksums --auth=peer >&2
  sync -f 17.new
  mv 17.new 17
fi
printf 'local all postgres peer\\nhost all '"$1"' all scram-sha-256\\n' >17/pg_hba.conf
chown postgres:postgres 17/pg_hba.conf
shift
rm -f 17/postmaster.pid
exec $as_postgres $bin/postgres -D 17 -c listen_addresses='*' -c max_connections=200 "$@"`;

const DURABLE = ['-c', 'shared_buffers=64MB'];
const THROWN_AWAY = ['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off'];

/** Without a password: pg and psql find that in the file that PGPASSFILE names. */
export const serverUrl = (port: number, database = DATABASE): string =>
  `postgres://${ROLE}@127.0.0.1:${port}/${database}`;

/** With the password, which is made of letters, digits, `-` and `_`. For this process's own use, or for tests. */
export const serverUrlWith = (password: string, port: number): string => serverUrl(port).replace('@', `:${password}@`);

export const makePassword = (): string => randomBytes(24).toString('base64url');

/**
 * Brings the server up: makes volume, container, role and database where they are not there. Returns when the role can
 * log in. A container of another image or port is made anew; its data stays in the volume.
 */
export async function runServer(docker: Docker, spec: ServerSpec, signal: AbortSignal): Promise<void> {
  const state = await inspect(docker, spec.name);
  if (state && !(state.image === spec.image && state.port === String(spec.port))) {
    await stopServer(docker, spec.name);
    await removeContainer(docker, spec.name);
  }
  if ((await inspect(docker, spec.name)) === null) await create(docker, spec);
  await docker.getContainer(spec.name).start().catch(ignoring(304));
  await waitForLogin(docker, spec, signal);
}

/** Lets connections end within seconds; the data stays. */
export async function stopServer(docker: Docker, name: string): Promise<void> {
  await docker.getContainer(name).stop({ t: STOP_TIMEOUT_SECONDS }).catch(ignoring(304, 404));
}

async function removeContainer(docker: Docker, name: string): Promise<void> {
  await docker.getContainer(name).remove({ force: true }).catch(ignoring(404));
}

async function create(docker: Docker, spec: ServerSpec): Promise<void> {
  await docker.createVolume({ Name: spec.name, Labels: { ...spec.labels } });
  await docker.createContainer({
    name: spec.name,
    Image: spec.image,
    Labels: { ...spec.labels, [PORT_LABEL]: String(spec.port) },
    Cmd: ['bash', '-c', SCRIPT, 'inventory', ...(spec.durable ? [ROLE, ...DURABLE] : ['all', ...THROWN_AWAY])],
    StopSignal: 'SIGINT', // PostgreSQL's fast shutdown.
    ExposedPorts: { '5432/tcp': {} },
    HostConfig: {
      Binds: [`${spec.name}:${DATA}`],
      PortBindings: { '5432/tcp': [{ HostIp: '127.0.0.1', HostPort: String(spec.port) }] },
      RestartPolicy: { Name: 'on-failure' },
      ShmSize: 256 * 1024 ** 2,
      Init: true,
    },
  });
}

async function inspect(docker: Docker, name: string): Promise<{ image: string; port: string | undefined } | null> {
  try {
    const { Config } = await docker.getContainer(name).inspect();
    return { image: Config.Image, port: Config.Labels[PORT_LABEL] };
  } catch (error) {
    ignoring(404)(error);
    return null;
  }
}

async function waitForLogin(docker: Docker, spec: ServerSpec, signal: AbortSignal): Promise<void> {
  for (const deadline = Date.now() + START_TIMEOUT_MS; ; await sleep(100, undefined, { signal })) {
    const failure = await tryLogin(spec);
    if (failure === null) return;
    // It answers, but does not know role, password or database yet.
    if (failure instanceof DatabaseError && /^(28|3D)/.test(failure.code ?? '')) await makeRole(spec);
    if (Date.now() < deadline) continue;
    const log = await docker.getContainer(spec.name).logs({ stdout: true, stderr: true, tail: 5 });
    throw new Error(
      `the inventory's server does not let ${ROLE} in: ${reasonOf(failure)}\n${printable(log.toString())}`,
    );
  }
}

async function tryLogin({ port, password }: ServerSpec): Promise<unknown> {
  const client = new Client({ connectionString: serverUrlWith(password, port), connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined); // The attempt that runs fails by itself and tells it.
  try {
    await client.connect();
    return null;
  } catch (error) {
    return error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A role without any privilege but on its own database; the password travels by standard input. */
async function makeRole({ name, password, durable }: ServerSpec): Promise<void> {
  const psql = ['psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'postgres'];
  const { exitCode, stderr } = await runCommand('docker', ['exec', '-i', '-u', 'postgres', name, ...psql], {
    stdin: roleStatements(password, durable),
  });
  if (exitCode !== 0) throw new Error(`the inventory's role could not be made: ${stderr}`);
}

function roleStatements(password: string, durable: boolean): string {
  const [role, database] = [identifier(ROLE), identifier(DATABASE)];
  const hasRole = sql`SELECT FROM pg_roles WHERE rolname = ${ROLE}`;
  const hasDatabase = sql`SELECT FROM pg_database WHERE datname = ${DATABASE}`;
  return [
    unless(hasRole, sql`CREATE ROLE ${role} LOGIN`),
    script(
      durable
        ? sql`ALTER ROLE ${role} NOSUPERUSER PASSWORD ${password}`
        : sql`ALTER ROLE ${role} SUPERUSER PASSWORD ${password}`,
    ),
    unless(hasDatabase, sql`CREATE DATABASE ${database} OWNER ${role}`),
  ].join('');
}

/** The engine puts a header of eight bytes before each line. */
const printable = (text: string): string => text.replace(/[^\x20-\x7e\n]/g, '');

function ignoring(...codes: readonly number[]): (error: unknown) => void {
  return (error) => {
    if (error instanceof Error && 'statusCode' in error && codes.includes(Number(error.statusCode))) return;
    throw error;
  };
}
