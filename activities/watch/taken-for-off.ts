import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet } from '../fleet';
import { reachableNode } from '../fleet';
import type { ShellCommand } from '../host/shell';
import { sh } from '../host/shell';
import { onOthers } from './ask';

/**
 * What the other data nodes ask a host that is off fails at once. Patroni asks all members before it promotes one, and waits two
 * seconds for a host that says nothing (`fetch_node_status` in its ha.py).
 */

/** By then the route is gone in any case, whatever became of the worker. */
const LONGEST_S = 30;
const TIMEOUT_MS = 1_000;

/** The route is there for as long as the unit, however that ends. uninstall.sh ends all of this name. */
const UNIT = 'holdfast-taken-for-off';
const TAKE_FOR_OFF = `systemctl stop "${UNIT}-$0" 2>/dev/null
systemd-run --quiet --collect --unit="${UNIT}-$0" --property=ExecStartPre="ip route replace unreachable $0" \\
  --property=ExecStopPost="ip route del unreachable $0" sleep ${LONGEST_S}`;
const TAKE_FOR_BACK = `systemctl stop "${UNIT}-$0"`;

/** Its host is off for sure. A failure here costs time only. */
export function takeForOff(fleet: Fleet, view: ClusterView, name: NodeName): Promise<void> {
  return tellOthers(fleet, view, name, 'off', (address) => sh`sh -c ${TAKE_FOR_OFF} ${address}`);
}

/** Before its host is switched on again. */
export function takeForBack(fleet: Fleet, view: ClusterView, name: NodeName): Promise<void> {
  return tellOthers(fleet, view, name, 'back', (address) => sh`sh -c ${TAKE_FOR_BACK} ${address}`);
}

async function tellOthers(
  fleet: Fleet,
  view: ClusterView,
  name: NodeName,
  as: 'off' | 'back',
  command: (address: string) => ShellCommand,
): Promise<void> {
  const { privateAddress } = reachableNode(view, name);
  const options = { title: `take ${name} for ${as}`, timeoutMs: TIMEOUT_MS };
  await Promise.allSettled(onOthers(fleet, view, name, command(privateAddress), options));
}
