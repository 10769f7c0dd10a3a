import type { Cluster, ClusterSpec } from '../../domain/clusters';
import { secondsOf } from '../../domain/drill-words';
import type { Drill } from '../../domain/drills';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import { stepTitles } from '../../workflows/runbooks';
import { check, ESTIMATED_SECONDS } from './previews';
import { topologyOf } from './submit';

/**
 * What a drill would do. That there is something to restore is known by then.
 *
 * @param last the newest drill of the cluster, for how long this one will take.
 */
export function previewOfDrill({ name }: Cluster, spec: ClusterSpec, last: Drill | undefined): PreviewAnswer {
  const topology = topologyOf(spec);
  const runs = last?.state === 'running';
  const took = last?.state === 'succeeded' ? secondsOf(last) : null;
  return {
    kind: 'drill',
    changes: [
      {
        action: 'create',
        what: 'hosts that are thrown away',
        detail: `plan ${spec.plan}, with the data of ${name} as it was at a time that is chosen by chance`,
      },
      { action: 'delete', what: 'the same hosts', detail: 'when all has been checked, or has failed' },
    ],
    impact: 'none',
    checks: [
      check('has-backups', true, `backups of ${name} can be restored from`, ''),
      check(
        'no-other-drill',
        !runs,
        runs ? `drill ${last.id} of ${name} runs` : `no other drill of ${name} runs`,
        'wait until it ends',
      ),
    ],
    steps: stepTitles('drill', topology),
    estimatedSeconds: Math.round(took ?? ESTIMATED_SECONDS.provision[topology] * 2),
    price: null,
  };
}
