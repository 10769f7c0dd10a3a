import type { StepRef } from '../../domain/clusters';
import type { Fleet } from '../../activities/fleet';
import { openNode } from '../../activities/fleet';
import { sh } from '../../activities/host/shell';

/** Activities that the product lacks, for a copy of its runbook: what the matrix makes of an activity that was added. */
export interface ExtraActivities {
  /** As all activities are to be: asks what is, then changes what differs. */
  plantOnce(at: StepRef): Promise<void>;
  /** As no activity may be: it does its deed each time it is told to. */
  plantAgain(at: StepRef): Promise<void>;
}

export function createExtraActivities(fleet: Fleet): ExtraActivities {
  const plant = async (at: StepRef, how: string): Promise<void> => {
    const { host } = await openNode(fleet, at, 'gw-1');
    await host.run(sh`sh -c ${how} sh ${at.stepId}`);
  };
  const effect = (when: string): string => `echo "gw-1 planted a tree ${when}" >>/opt/simulation/wire/effects`;
  return {
    plantOnce: (at) => plant(at, `[ -e "/var/lib/$1" ] || { ${effect('once')}; : >"/var/lib/$1"; }`),
    plantAgain: (at) => plant(at, effect('each time')),
  };
}
