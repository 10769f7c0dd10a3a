import type { ReachableNode } from '../../../activities/fleet';
import { ETCD_CLIENT_PORT, ETCD_PEER_PORT } from '../../../activities/etcd/config';
import { oneOf } from '../../support/chance';
import { dataNodes, hostIdOf } from '../../system/support/ha-cluster';
import { runOn } from '../../system/support/image-tools';
import type { Fault, Heal, Scene } from './fault';
import { fault, LEASE_MS, mend, strike, UNNOTICED_MS } from './fault';

/**
 * Cables that are cut, by rules of routing on the hosts themselves: what would leave is dropped, what arrives is heard. So a cut on one
 * side only is a cut one way.
 */

/** etcd's clients and members. */
const ETCD_PORTS = `${ETCD_CLIENT_PORT}-${ETCD_PEER_PORT}`;
const HOLD_MS = 10_000;
/** Longer than the lease: the others have a leader of their own by then. */
const OUTLAST_LEASE_MS = 30_000;

interface Cut {
  readonly from: ReachableNode;
  readonly to: readonly ReachableNode[];
  /** Of TCP, on either side; default: everything. */
  readonly ports?: string;
}

/** @param preference of the rules, by which they are found again. */
async function cut(scene: Scene, preference: number, cuts: readonly Cut[]): Promise<Heal> {
  await Promise.all(cuts.map(({ from, ...rest }) => strike(scene, from, rulesOf(preference, rest))));
  const undo = `while ip rule del pref ${preference} 2>/dev/null; do :; done\n`;
  return async () => void (await Promise.all(cuts.map(({ from }) => mend(scene, from, undo))));
}

function rulesOf(preference: number, { to, ports }: Omit<Cut, 'from'>): string {
  const selectors = ports === undefined ? [''] : [`ipproto tcp dport ${ports}`, `ipproto tcp sport ${ports}`];
  const lines = to.flatMap(({ privateAddress }) =>
    selectors.map((selector) => `ip rule add pref ${preference} to ${privateAddress} ${selector} blackhole\n`),
  );
  return `set -e\n${lines.join('')}`;
}

const bothWays = (one: ReachableNode, others: readonly ReachableNode[]): Cut[] => [
  { from: one, to: others },
  ...others.map((from) => ({ from, to: [one] })),
];

/** Shapes what leaves a standby. */
const shaped = (name: string, what: string, discipline: string): Fault =>
  fault(name, what, UNNOTICED_MS, {
    async impossible(ha) {
      const [node] = dataNodes(ha);
      if (!node) return 'there is no data node';
      const probe = `tc qdisc add dev lo root ${discipline} && tc qdisc del dev lo root\n`;
      const { exitCode } = await runOn(hostIdOf(node), probe);
      return exitCode === 0 ? null : `the kernel has no ${discipline.split(' ')[0]}`;
    },
    async inject(scene) {
      const node = oneOf(scene.standbys, scene.random);
      await strike(scene, node, `tc qdisc replace dev eth0 root ${discipline}\n`);
      return () => mend(scene, node, 'tc qdisc del dev eth0 root 2>/dev/null; :\n');
    },
  });

export const NETWORK_FAULTS: readonly Fault[] = [
  fault('cut-primary-from-etcd', 'the primary reaches no etcd but its own, which reaches no other', LEASE_MS, {
    inject: (scene) => cut(scene, 101, [{ from: scene.primary, to: scene.standbys, ports: ETCD_PORTS }]),
  }),
  fault('cut-primary-from-peers', 'the primary and the standbys do not reach each other', LEASE_MS, {
    holdMs: OUTLAST_LEASE_MS,
    inject: (scene) => cut(scene, 102, bothWays(scene.primary, scene.standbys)),
  }),
  fault('primary-is-mute', 'what the primary sends to the standbys is lost', LEASE_MS, {
    holdMs: OUTLAST_LEASE_MS,
    inject: (scene) => cut(scene, 103, [{ from: scene.primary, to: scene.standbys }]),
  }),
  fault('primary-is-deaf', 'what the standbys send to the primary is lost', LEASE_MS, {
    holdMs: OUTLAST_LEASE_MS,
    inject: (scene) =>
      cut(
        scene,
        104,
        scene.standbys.map((from) => ({ from, to: [scene.primary] })),
      ),
  }),
  fault('cut-primary-from-gateways', 'no gateway reaches the primary, which is well', HOLD_MS + LEASE_MS, {
    holdMs: HOLD_MS,
    inject: (scene) => cut(scene, 105, bothWays(scene.primary, [scene.gateway, scene.otherGateway])),
  }),
  shaped(
    'slow-standby',
    'what a standby sends comes 200 ms late, and 2 % of it never',
    'netem delay 200ms 50ms loss 2%',
  ),
  shaped('narrow-standby', 'a standby sends at most 64 kbit/s', 'tbf rate 64kbit burst 4kb latency 400ms'),
];
