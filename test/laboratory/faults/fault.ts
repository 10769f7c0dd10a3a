import type Docker from 'dockerode';
import type { ReachableNode } from '../../../activities/fleet';
import { eventually } from '../../support/eventually';
import type { OwnInstallation } from '../../support/own-installation';
import type { HaCluster } from '../../system/support/ha-cluster';
import { hostIdOf } from '../../system/support/ha-cluster';
import { demandSuccess, runOn } from '../../system/support/image-tools';
import { runs } from '../../system/support/power';

/** Something that goes wrong, from outside of the cluster. */
export interface Fault {
  readonly name: string;
  /** A sentence about it, for whoever reads the table. */
  readonly what: string;
  /** How long it lasts before it is healed, ms. */
  readonly holdMs: number;
  /** The longest time in ms that a client may be without an acknowledged write because of it. */
  readonly budgetMs: number;
  /** Faults of one group do not happen at the same time: they act on the same thing, or take too much of the cluster together. */
  readonly group?: 'control plane' | 'loss';
  /** Why it cannot be made here; null when it can. */
  impossible?(ha: HaCluster<OwnInstallation>): Promise<string | null>;
  /** @returns what undoes it, whatever the cluster has made of it by then. */
  inject(scene: Scene): Promise<Heal>;
}

export type Heal = () => Promise<void>;

/** Who is what at the moment at which a fault begins. */
export interface Scene {
  readonly ha: HaCluster<OwnInstallation>;
  readonly primary: ReachableNode;
  readonly standbys: readonly ReachableNode[];
  /** Where the endpoint's address is, and the other one. */
  readonly gateway: ReachableNode;
  readonly otherGateway: ReachableNode;
  readonly random: () => number;
}

/** The autopilot's fenced failover, on a busy machine; without it the lease would take longer. */
export const FENCED_MS = 15_000;
/** Patroni's lease, and what comes after it, on a busy machine. */
export const LEASE_MS = 35_000;
/** A process that is started again at once, and clients that connect anew. */
export const RESTART_MS = 10_000;
/** Nothing that a client should see, but for a busy machine. */
export const UNNOTICED_MS = 5_000;
const HOLD_MS = 10_000;
const HEAL_MS = 90_000;

export const fault = (
  name: string,
  what: string,
  budgetMs: number,
  rest: Pick<Fault, 'inject'> & Partial<Fault>,
): Fault => ({ name, what, budgetMs, holdMs: HOLD_MS, ...rest });

/** Of one that heals itself. */
export const nothing: Heal = () => Promise.resolve();

export const hostOf = ({ ha }: Pick<Scene, 'ha'>, node: ReachableNode): Docker.Container =>
  ha.holdfast.docker.getContainer(hostIdOf(node));

/** Runs a script on a host; one that another fault has hit already is left alone. @throws Error when it fails on one that runs. */
export async function strike(scene: Pick<Scene, 'ha'>, node: ReachableNode, script: string): Promise<void> {
  const outcome = await runOn(hostIdOf(node), script);
  if (await runs(hostOf(scene, node))) demandSuccess(outcome);
}

/** Runs a script on a host as soon as that runs; nothing to do on one that is not there any more. */
export async function mend(scene: Scene, node: ReachableNode, script: string): Promise<void> {
  await eventually(
    async () => {
      const there = await hostOf(scene, node)
        .inspect()
        .catch(() => null);
      return there === null || (await runOn(hostIdOf(node), script)).exitCode === 0;
    },
    { everyMs: 500, limitMs: HEAL_MS },
  );
}
