import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, fencedHostOf, hostOf } from '../fleet';
import { sh } from '../host/shell';
import { RESTORE_MARK } from '../patroni/config';
import { ETCDCTL, keysOf } from '../patroni/keys';
import { binariesOf, dataDirectory } from '../postgres/paths';

/** Restores whose node failed in the middle: neither Patroni nor PostgreSQL goes on from there by itself. */

/** For shells: true when the restore of this host was begun by a run of Patroni that is over. */
export const WAS_INTERRUPTED = `was_interrupted() {
  [ -e "$1" ] && [ -n "$(cat "$1")" ] && [ "$(cat "$1")" != "$(systemctl show --property InvocationID --value patroni)" ]
}`;

/** Whether a node that became the primary has all of what was restored: else it was cut off, or is not done. */
export async function isRestored(fleet: Fleet, view: ClusterView, primary: ReachableNode): Promise<boolean> {
  const look = sh`sh -c ${'[ -e "$0" ] || echo done'} ${RESTORE_MARK}`;
  const told = await hostOf(fleet, view, primary).run(look, { title: 'see that the restore has ended' });
  return told.trim() === 'done';
}

const STOP_TIMEOUT_MS = 120_000;

/*
 * systemd ends Patroni only (KillMode=process): what a run that is over has left behind would go on with its restore, and throw away
 * what the new one brings.
 */
const STOP = `set -eu
systemctl stop patroni
runuser -u postgres -- "$1/pg_ctl" stop -D "$2" -m immediate >&2 2>/dev/null || :
systemctl kill --kill-whom=all --signal=KILL patroni 2>/dev/null || :
rm -rf -- "$2"`;

/** The mark goes last: as long as it is there, somebody does this again. */
const START = `rm -f -- "$1" && systemctl start patroni`;

/** Throws away what is there on all data nodes, and what Patroni knows of it, and begins the restore from its begin. Idempotent. */
export async function beginAnew(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  interrupted: readonly ReachableNode[],
): Promise<void> {
  const { cluster } = view;
  const nodes = dataNodesOf(view);
  const host = (node: ReachableNode): ReturnType<typeof fencedHostOf> => fencedHostOf(fleet, at, view, node);
  const values = [binariesOf(cluster.spec.version), dataDirectory(cluster.spec.version)];
  const stop = sh`sh -c ${STOP} sh ${values}`;
  await each(nodes, (node) => host(node).run(stop, { title: 'throw away half a restore', timeoutMs: STOP_TIMEOUT_MS }));
  for (const node of interrupted.slice(0, 1))
    await host(node).run(sh`${ETCDCTL} del --prefix ${`${keysOf(cluster)}/`}`, { title: 'forget half a restore' });
  const start = sh`sh -c ${START} sh ${RESTORE_MARK}`;
  const others = nodes.filter(({ name }) => !interrupted.some((one) => one.name === name));
  for (const part of [others, interrupted])
    await each(part, (node) => host(node).run(start, { title: 'begin the restore anew', timeoutMs: STOP_TIMEOUT_MS }));
}
