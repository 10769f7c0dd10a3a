import type Docker from 'dockerode';
import type { ReachableNode } from '../../../activities/fleet';
import { oneOf, shuffled } from '../../support/chance';
import { eventually } from '../../support/eventually';
import { loseHost, losePower, powerOn, runs } from '../../system/support/power';
import type { Fault, Scene } from './fault';
import { FENCED_MS, fault, hostOf, LEASE_MS, nothing, UNNOTICED_MS } from './fault';

/** Hosts that lose power, hosts that stand still, and hosts that are gone for good. */

const GATEWAY_MS = 10_000;
const TWO_HOLD_MS = 10_000;
const REVIVE_MS = 60_000;

type Choice = (scene: Scene) => readonly ReachableNode[];
type Act = (host: Docker.Container) => Promise<unknown>;

/** @param act on each host that still runs: another fault may hit it before, or meanwhile. */
async function hit(hosts: readonly Docker.Container[], act: Act): Promise<void> {
  await Promise.all(
    hosts.map(async (host) => {
      if (!(await runs(host))) return;
      await act(host).catch(async (error: unknown) => {
        if (await runs(host)) throw error;
      });
    }),
  );
}

const hitForAWhile = (choose: Choice, act: Act): Pick<Fault, 'inject'> => ({
  async inject(scene) {
    const hosts = choose(scene).map((node) => hostOf(scene, node));
    await hit(hosts, act);
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

const poweredOff = (choose: Choice): Pick<Fault, 'inject'> => hitForAWhile(choose, losePower);
const frozen = (choose: Choice): Pick<Fault, 'inject'> => hitForAWhile(choose, (host) => host.pause());

const primary: Choice = (scene) => [scene.primary];
const standby: Choice = ({ standbys, random }) => [oneOf(standbys, random)];
const gateway: Choice = (scene) => [scene.gateway];
const twoDataNodes: Choice = (scene) => shuffled([scene.primary, ...scene.standbys], scene.random).slice(0, 2);

/** Nobody heals it: the autopilot has to put another one in its place. Two at once could be all that have a row. */
const lost = (name: string, what: string, budgetMs: number, choose: Choice): Fault =>
  fault(name, what, budgetMs, {
    holdMs: 0,
    group: 'loss',
    async inject(scene) {
      const { docker } = scene.ha.holdfast;
      const hosts = choose(scene).map((node) => hostOf(scene, node));
      await hit(hosts, (host) => loseHost(docker, host));
      return nothing;
    },
  });

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
  fault('freeze-gateway', 'the gateway that serves stands still', GATEWAY_MS, frozen(gateway)),
  lost('lose-primary', 'the host of the primary is gone for good, with its volume', FENCED_MS, primary),
  lost('lose-standby', 'the host of a standby is gone for good, with its volume', UNNOTICED_MS, standby),
  lost('lose-gateway', 'the gateway that serves is gone for good', GATEWAY_MS, gateway),
];
