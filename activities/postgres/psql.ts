import { HoldfastError } from '../../domain/errors';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, hostOf } from '../fleet';
import { cancellation } from '../host/cancellation';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import { SYSTEM_ROLES } from '../patroni/hba';
import { binariesOf, SOCKET_FOLDER } from './paths';
import type { SqlText } from './sql';
import { sql } from './sql';

/** SQL as superuser on a data node, through its socket: nothing of this is open to the network. */

/** Where a server listens on its host. */
export interface Socket {
  readonly socket: string;
  readonly port: number;
}
/** Of the cluster itself. */
export const SERVING: Socket = { socket: SOCKET_FOLDER, port: 5432 };

/** psql without its wrapper, which would take longer than most queries. */
function psql(view: ClusterView, database: string, { socket, port }: Socket = SERVING): string[] {
  const binary = `${binariesOf(view.cluster.spec.version)}/psql`;
  return [
    'runuser',
    '-u',
    'postgres',
    '--',
    binary,
    '-XAtq',
    '-v',
    'ON_ERROR_STOP=1',
    '-h',
    socket,
    ...(port === SERVING.port ? [] : ['-p', String(port)]),
    '-d',
    database,
  ];
}

/**
 * Runs a script; it travels by stdin, so it may hold password verifiers.
 * @returns what the script selects, as unaligned text.
 */
export async function runSql(
  view: ClusterView,
  host: Host,
  database: string,
  script: SqlText,
  title: string,
  timeoutMs?: number,
): Promise<string> {
  const options = { stdin: script, title, ...(timeoutMs !== undefined && { timeoutMs }) };
  return (await host.run(sh`${psql(view, database)}`, options)).trim();
}

/** As {@link runSql}, on another server of the host. */
export async function runSqlAt(
  view: ClusterView,
  host: Host,
  server: Socket,
  database: string,
  script: SqlText,
  title: string,
): Promise<string> {
  return (await host.run(sh`${psql(view, database, server)}`, { stdin: script, title })).trim();
}

/**
 * Waits on the host itself until the query selects true; the server may still be starting.
 * @throws HOST_COMMAND_FAILED when `timeoutS` have passed.
 */
export async function untilTrue(
  view: ClusterView,
  host: Host,
  query: SqlText,
  options: { title: string; timeoutS: number; signal?: AbortSignal },
): Promise<void> {
  const { title, timeoutS, signal } = options;
  const socket = `${SOCKET_FOLDER}/.s.PGSQL.5432`;
  // One session asks again and again. It must be idle in between: only then does it see changed settings.
  const asked = sh`printf '%s\n\\watch 0.1\n' ${query} | ${psql(view, 'postgres')} 2>/dev/null | grep -qx t`;
  const command = sh`until [ -S ${socket} ] && sh -c ${asked}; do sleep 0.1; done`;
  await host.run(command, { title, timeoutMs: timeoutS * 1000, ...(signal && { signal }) });
}

/** Patroni makes the rewind role last when it bootstraps: a primary without it is not handed over yet. */
export const IS_PRIMARY = sql`SELECT NOT pg_is_in_recovery()
  AND EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ${SYSTEM_ROLES.rewind})`;

/**
 * The data node that is the primary now; waits for one when there is none yet.
 * @throws NOT_YET when no node became primary within `timeoutS` (default 60).
 */
export async function findPrimary(fleet: Fleet, view: ClusterView, timeoutS = 60): Promise<ReachableNode> {
  const losers = new AbortController();
  const candidates = dataNodesOf(view).map(async (node) => {
    await untilTrue(view, hostOf(fleet, view, node), IS_PRIMARY, {
      title: 'wait for the primary',
      timeoutS,
      signal: losers.signal,
    });
    return node;
  });
  try {
    return await Promise.any(candidates);
  } catch (error) {
    cancellation()?.throwIfAborted();
    const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
    const incurable = errors.find((each): each is HoldfastError => each instanceof HoldfastError && !each.retryable);
    if (incurable) throw incurable;
    const reason = String(errors[0]);
    throw new HoldfastError(
      'NOT_YET',
      { what: `No data node became primary within ${timeoutS} s: ${reason}` },
      { cause: error },
    );
  } finally {
    losers.abort();
  }
}

/** The primary, which is another node than this one. @throws NODE_IS_PRIMARY; as {@link findPrimary}. */
export async function findPrimaryBeside(fleet: Fleet, view: ClusterView, node: NodeName): Promise<ReachableNode> {
  const primary = await findPrimary(fleet, view);
  if (primary.name === node) throw new HoldfastError('NODE_IS_PRIMARY', { node, name: view.cluster.name });
  return primary;
}
