import type { OwnInstallation } from '../support/own-installation';
import type { HaCluster } from '../system/support/ha-cluster';
import { lookAt } from '../system/support/ha-cluster';
import type { Attempt } from '../system/support/ledger';
import type { Acknowledged } from './checks/primaries';
import type { Numbers } from './load/works';

/** Where faults are made: one cluster, and what is remembered of all rounds. */
export interface Laboratory {
  ha: HaCluster<OwnInstallation>;
  /** By the seed: which of several hosts a fault hits. */
  readonly random: () => number;
  readonly numbers: Numbers;
  /** Inserts of all rounds, but for those that are known to be lost. */
  attempts: readonly Attempt[];
  /** The newest write that a data node acknowledged by itself. */
  newest: Acknowledged | null;
  readonly record: (entry: object) => void;
}

/** The cluster as it is now: hosts may have been replaced. */
export async function lookAgain(laboratory: Laboratory): Promise<HaCluster<OwnInstallation>> {
  const { holdfast, provision } = laboratory.ha;
  return (laboratory.ha = await lookAt(holdfast, provision));
}
