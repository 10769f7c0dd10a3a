import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import { hostToken } from '../cloud/tokens';
import type { ClusterView, Fleet } from '../fleet';
import { fencedHostOf, reachableNode } from '../fleet';
import type { RunOptions } from '../host/host';
import { WANTS } from '../host/services';
import type { ShellCommand } from '../host/shell';
import { sh } from '../host/shell';

/** Hosts of a cluster, or, where nobody can switch them on again, what Holdfast runs on them. */

const BOOT_MS = 120_000;
const SERVICES_MS = 150_000;

/** All but those that are stopped, and started, by themselves: PostgreSQL and the gateways. */
const SERVICES = [
  'holdfast-own-backup.timer',
  'holdfast-disk.service',
  'prometheus-postgres-exporter.service',
  'prometheus-node-exporter.service',
  'pgbackrest.service',
  'etcd.service',
] as const;
const TIMER_WANTS = WANTS.replace('multi-user', 'timers');
/** Keeps what was wanted, for the time when it is wanted again. */
const ASIDE = '/var/lib/holdfast/stopped';

/* What is wanted at boot is stopped, and wanted no more. */
const SET_ASIDE = `set -eu
aside=$1; shift
mkdir -p "$aside"
for unit; do
  for wants in ${WANTS} ${TIMER_WANTS}; do
    [ -L "$wants/$unit" ] || continue
    systemctl stop -- "$unit"
    mkdir -p "$aside/\${wants##*/}" && mv "$wants/$unit" "$aside/\${wants##*/}/"
  done
done`;

/* etcd, which was the last, is the first. */
const TAKE_BACK = `set -eu
aside=$1; shift
for unit; do
  for wants in ${WANTS} ${TIMER_WANTS}; do
    [ -L "$aside/\${wants##*/}/$unit" ] || continue
    systemctl start -- "$unit"
    mv "$aside/\${wants##*/}/$unit" "$wants/"
  done
done`;

/** See PowerActivities.switchOff. */
export async function switchOff(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  const { cloud, cluster } = view;
  if (cloud.fences) return each(view.nodes, ({ name }) => cloud.powerOff(hostToken(cluster, name)));
  await onAll(fleet, at, view, sh`sh -c ${SET_ASIDE} sh ${ASIDE} ${[...SERVICES]}`, { title: 'stop all services' });
}

/** See PowerActivities.switchOn. */
export async function switchOn(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  const { cloud, cluster } = view;
  if (cloud.fences) await each(view.nodes, ({ name }) => cloud.powerOn(hostToken(cluster, name)));
  const options = { title: 'start all services', connectTimeoutMs: BOOT_MS };
  await onAll(fleet, at, view, sh`sh -c ${TAKE_BACK} sh ${ASIDE} ${SERVICES.toReversed()}`, options);
}

const onAll = (
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  command: ShellCommand,
  options: RunOptions,
): Promise<void> =>
  each(view.nodes, ({ name }) =>
    fencedHostOf(fleet, at, view, reachableNode(view, name)).run(command, { ...options, timeoutMs: SERVICES_MS }),
  );
