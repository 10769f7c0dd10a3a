import { dataDirectory } from '../../../activities/postgres/paths';
import type { ReachableNode } from '../../../activities/fleet';
import { oneOf } from '../../support/chance';
import type { Fault, Scene } from './fault';
import { FENCED_MS, fault, nothing, RESTART_MS, strike, UNNOTICED_MS } from './fault';

/** Processes of hosts that are killed. systemd, or Patroni, starts each of them again. */

/** SIGKILL, as the kernel does it when there is no memory left. One that another fault has hit may be gone. */
export const killPostmaster = (scene: Pick<Scene, 'ha'>, node: ReachableNode): Promise<void> =>
  strike(scene, node, `kill -9 $(head -qn 1 ${dataDirectory(scene.ha.cluster.spec.version)}/postmaster.pid) || :\n`);

interface Place {
  readonly words: string;
  choose(scene: Scene): ReachableNode;
}

const PLACES: Readonly<Record<'primary' | 'standby' | 'gateway', Place>> = {
  primary: { words: 'the primary', choose: ({ primary }) => primary },
  standby: { words: 'a standby', choose: ({ standbys, random }) => oneOf(standbys, random) },
  gateway: { words: 'the gateway that serves', choose: ({ gateway }) => gateway },
};

/** @param who `primary`, `gateway` or `standby`: where it is killed. Only a standby is part of the name. */
const killed = (unit: string, budgetMs: number, who: keyof typeof PLACES): Fault =>
  fault(
    who === 'standby' ? `kill-standby-${unit}` : `kill-${unit}`,
    `SIGKILL to ${unit} on ${PLACES[who].words}`,
    budgetMs,
    {
      async inject(scene) {
        await strike(
          scene,
          PLACES[who].choose(scene),
          `systemctl is-active -q ${unit} || exit 0; systemctl kill --kill-whom=main --signal=KILL ${unit}\n`,
        );
        return nothing;
      },
    },
  );

export const PROCESS_FAULTS: readonly Fault[] = [
  fault('kill-postmaster', 'SIGKILL to the postmaster of the primary', FENCED_MS, {
    async inject(scene) {
      await killPostmaster(scene, scene.primary);
      return nothing;
    },
  }),
  fault('kill-standby-postmaster', 'SIGKILL to the postmaster of a standby', UNNOTICED_MS, {
    async inject(scene) {
      await killPostmaster(scene, oneOf(scene.standbys, scene.random));
      return nothing;
    },
  }),
  killed('patroni', RESTART_MS, 'primary'),
  killed('patroni', UNNOTICED_MS, 'standby'),
  killed('etcd', RESTART_MS, 'primary'),
  killed('etcd', UNNOTICED_MS, 'standby'),
  killed('haproxy', RESTART_MS, 'gateway'),
  killed('pgbouncer', RESTART_MS, 'gateway'),
  fault('kill-sshd', 'SIGKILL to sshd of the primary, with all its sessions', UNNOTICED_MS, {
    async inject(scene) {
      await strike(scene, scene.primary, 'pkill -KILL sshd || [ $? -eq 1 ]\n');
      return nothing;
    },
  }),
];
