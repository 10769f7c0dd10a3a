import { setTimeout as pause } from 'node:timers/promises';
import type { Heartbeat, HeartbeatRole } from '../../domain/heartbeats';
import { HEARTBEAT_ROLES } from '../../domain/heartbeats';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { targetOf, watchedHostOf } from '../fleet';
import { isOutOfReach, tellsRefusal } from '../host/errors';
import type { ShellCommand } from '../host/shell';
import { sh } from '../host/shell';
import { binariesOf, SOCKET_FOLDER } from '../postgres/paths';
import { sql } from '../postgres/sql';

/** One node, as it is heard. */
export interface Listener {
  heartbeat(): Heartbeat;
  /** Ends the command on the host, too. */
  stop(): void;
}

/** One session that answers four times a second, for as long as there is a server. */
const SAY_ROLE = `while :; do
  printf '%s\\n\\\\watch 0.25\\n' "$3" | "$1" -XAtq -h "$2" -d postgres 2>/dev/null
  echo down
  sleep 0.25
done`;
/*
 * Of a gateway, once a second. systemd is asked when a process has ended, and now and then: asked each time, it and systemctl were a
 * tenth of what all hosts of a machine did. A service that does not run has the process 0.
 */
const SAY_OPEN = `left=0 pids=0
all_run() { for pid in $pids; do [ -d "/proc/$pid" ] || return; done; }
while :; do
  if [ "$left" -eq 0 ] || ! all_run; then
    left=30 pids=$(systemctl show --property MainPID --value haproxy pgbouncer) || pids=0
  fi
  if all_run; then echo open; else echo down; fi
  left=$((left - 1))
  sleep 1
done`;
const ROLE = sql`SELECT CASE WHEN pg_is_in_recovery() THEN 'replica' ELSE 'primary' END`;

/** The command ends with its connection: this is for hosts that were not told. */
const LONGEST_MS = 24 * 3_600_000;
/** One that is back is heard soon, and one that only is slow has a login each two and a half seconds at most. */
const RETRY_MS = 500;
/** Whom it does not let in, sshd shuts out altogether if he asks too often. */
const REFUSED_MS = 10_000;

function sayRole({ cluster }: ClusterView): ShellCommand {
  const psql = `${binariesOf(cluster.spec.version)}/psql`;
  return sh`runuser -u postgres -- sh -c ${SAY_ROLE} sh ${psql} ${SOCKET_FOLDER} ${ROLE}`;
}

/** Listens from now on, and again whenever the connection was lost. Changes nothing on the host. */
export function listenTo(fleet: Pick<Fleet, 'ssh' | 'watchSsh'>, view: ClusterView, node: ReachableNode): Listener {
  const stopping = new AbortController();
  let role: HeartbeatRole | null = null;
  let heardAtMs = performance.now();
  const onLine = (line: string): void => {
    const said = HEARTBEAT_ROLES.find((one) => one === line);
    if (!said) return;
    role = said;
    heardAtMs = performance.now();
  };
  const giveUp = (error: unknown): number => {
    // It may have lost its power: whoever works there next must not wait for an answer from before.
    if (isOutOfReach(error)) fleet.ssh.forget(targetOf(view, node));
    return tellsRefusal(error) ? REFUSED_MS : RETRY_MS;
  };
  const listen = async (): Promise<void> => {
    const { signal } = stopping;
    const command = node.role === 'data' ? sayRole(view) : sh`sh -c ${SAY_OPEN}`;
    const options = { title: 'say who it is', timeoutMs: LONGEST_MS, connectTimeoutMs: 0, signal, onLine };
    while (!signal.aborted) {
      // Its silence tells the rest.
      const pauseMs = await watchedHostOf(fleet, view, node)
        .run(command, options)
        .then(() => RETRY_MS, giveUp);
      await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  };
  void listen();
  return {
    heartbeat: () => ({ node: node.name, role, silentMs: performance.now() - heardAtMs }),
    stop: () => stopping.abort(),
  };
}
