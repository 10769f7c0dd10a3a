import type { ClusterNode, StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import { HoldfastError } from '../../domain/errors';
import { hostToken } from '../cloud/tokens';
import type { ClusterView, Fleet } from '../fleet';
import { fencedHostOf, reachableNode } from '../fleet';
import type { RunOptions } from '../host/host';
import { WANTS } from '../host/services';
import type { ShellCommand } from '../host/shell';
import { sh } from '../host/shell';
import { demandMajority, hasMajority, nodesThere, tellAway, orNullIfAway } from './there';

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
  const nodes = await nodesThere(view, view.nodes);
  if (cloud.fences) return each(nodes, ({ name }) => cloud.powerOff(hostToken(cluster, name)));
  const stop = sh`sh -c ${SET_ASIDE} sh ${ASIDE} ${[...SERVICES]}`;
  await each(nodes, async (node) => {
    const stopping = on(fleet, at, view, node, stop, { title: 'stop all services' });
    // A gateway that nobody hears leads nowhere.
    await (node.role === 'gateway' ? orNullIfAway(stopping) : stopping);
  });
}

/** See PowerActivities.switchOn. */
export async function switchOn(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  const { cloud, cluster } = view;
  const options = { title: 'start all services', connectTimeoutMs: BOOT_MS };
  const start = sh`sh -c ${TAKE_BACK} sh ${ASIDE} ${SERVICES.toReversed()}`;
  const nodes = await nodesThere(view, view.nodes, 'orOff');
  const outcomes = await Promise.allSettled(
    nodes.map(async (node) => {
      if (cloud.fences) await cloud.powerOn(hostToken(cluster, node.name));
      await on(fleet, at, view, node, start, options);
    }),
  );
  const answering = nodes.filter((_, i) => outcomes[i]?.status === 'fulfilled');
  for (const outcome of outcomes)
    if (outcome.status === 'rejected' && !(isPassing(outcome.reason) && hasMajority(view, answering)))
      throw outcome.reason;
  demandMajority(view, answering);
  const away = view.nodes.filter((node) => !answering.includes(node));
  if (away.length > 0) await tellAway(fleet, at, away);
}

/** Of one host, or of the whole cloud: without a majority it is waited for. */
const isPassing = (error: unknown): boolean => error instanceof HoldfastError && error.retryable;

const on = (
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  { name }: ClusterNode,
  command: ShellCommand,
  options: RunOptions,
): Promise<string> =>
  fencedHostOf(fleet, at, view, reachableNode(view, name)).run(command, { ...options, timeoutMs: SERVICES_MS });
