import type Docker from 'dockerode';
import type { ReachableNode } from '../../../activities/fleet';
import { oneOf, shuffled } from '../../support/chance';
import { eventually } from '../../support/eventually';
import { powerOn } from '../../system/support/power';
import type { Fault, Scene } from './fault';
import { FENCED_MS, fault, hostOf, LEASE_MS, runs, UNNOTICED_MS } from './fault';

/** Hosts that lose power, and hosts that stand still. */

const GATEWAY_MS = 10_000;
const TWO_HOLD_MS = 10_000;
const REVIVE_MS = 60_000;

type Choice = (scene: Scene) => readonly ReachableNode[];

/** @param act on each host that still runs, for another fault may have hit it already. */
const hit = (choose: Choice, act: (host: Docker.Container) => Promise<unknown>): Pick<Fault, 'inject'> => ({
  async inject(scene) {
    const hosts = choose(scene).map((node) => hostOf(scene, node));
    await Promise.all(hosts.map(async (host) => ((await runs(host)) ? act(host) : undefined)));
    return async () => void (await Promise.all(hosts.map(revive)));
  },
});

/** The autopilot does so, too, in its own time; one that it has replaced meanwhile is not there any more. */
async function revive(host: Docker.Container): Promise<void> {
  await eventually(
    async () => {
      const state = (await host.inspect().catch(() => null))?.State;
      if (!state) return true;
      if (state.Paused) await host.unpause().catch(() => undefined);
      else if (!state.Running) await powerOn(host).catch(() => undefined);
      return state.Running && !state.Paused;
    },
    { limitMs: REVIVE_MS },
  );
}

const poweredOff = (choose: Choice): Pick<Fault, 'inject'> => hit(choose, (host) => host.kill());
const frozen = (choose: Choice): Pick<Fault, 'inject'> => hit(choose, (host) => host.pause());

const primary: Choice = (scene) => [scene.primary];
const standby: Choice = ({ standbys, random }) => [oneOf(standbys, random)];
const gateway: Choice = (scene) => [scene.gateway];
const twoDataNodes: Choice = (scene) => shuffled([scene.primary, ...scene.standbys], scene.random).slice(0, 2);

export const POWER_FAULTS: readonly Fault[] = [
  fault('power-off-primary', 'the host of the primary loses power', FENCED_MS, poweredOff(primary)),
  fault('power-off-standby', 'the host of a standby loses power', UNNOTICED_MS, poweredOff(standby)),
  fault('power-off-gateway', 'the gateway that serves loses power', GATEWAY_MS, poweredOff(gateway)),
  fault('power-off-two', 'two data nodes lose power: nobody can write until one is back', TWO_HOLD_MS + LEASE_MS, {
    ...poweredOff(twoDataNodes),
    holdMs: TWO_HOLD_MS,
  }),
  fault('freeze-primary', 'the host of the primary stands still', FENCED_MS, frozen(primary)),
  fault('freeze-standby', 'the host of a standby stands still', UNNOTICED_MS, frozen(standby)),
];
