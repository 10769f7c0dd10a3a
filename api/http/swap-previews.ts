import type { Cluster } from '../../domain/clusters';
import type { OperationSummary } from '../../domain/operations';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import { KEPT_HOURS } from '../../domain/swaps';
import type { Swap } from '../../domain/swaps';
import { stepTitles } from '../../workflows/runbooks';
import { check } from './previews';
import { topologyOf } from './submit';

/** What a restore in place, its rollback or its confirmation would do. */

const SECONDS = { single: 25, ha: 45 } as const;
const CONFIRM_SECONDS = 2;
const BYTES_PER_SECOND = 100 * 1024 ** 2;

/**
 * @param what of its past the cluster gets, in words. @param loses what the cluster has no more then, in words.
 * @param working the operation that is in the way, if any; a backup is one too.
 */
export function previewOfSwap(
  kind: 'restore-in-place' | 'rollback',
  { name, spec, status }: Cluster,
  { what, loses }: { readonly what: string; readonly loses: string },
  {
    kept,
    working,
    bytes,
  }: { readonly kept: Swap | null; readonly working: OperationSummary | undefined; readonly bytes: number },
): PreviewAnswer {
  const topology = topologyOf(spec);
  const copied = Math.round(bytes / BYTES_PER_SECOND);
  const isFree = kind === 'rollback' || kept === null;
  return {
    kind,
    changes: [
      { action: 'change', what: `data of ${name}`, detail: `${what}; what was written since is in it no more` },
      {
        action: 'create',
        what: 'old data',
        detail: `kept on one data node for ${KEPT_HOURS} hours: a rollback of the restore puts it back`,
      },
    ],
    impact: 'data loss',
    loss: `${loses}, which is kept for ${KEPT_HOURS} hours`,
    checks: [
      check('cluster-ready', status.state === 'ready', `cluster ${name} is ${status.state}`, 'wait until it is ready'),
      check(
        'not-busy',
        !working,
        working ? `operation ${working.id} is in the way` : 'neither an operation nor a backup is in the way',
        'wait until it ends, or cancel it',
      ),
      check(
        'no-old-data',
        isFree,
        isFree ? 'no other old data is in the way' : `it keeps old data until ${kept.keptUntil ?? 'it is let go'}`,
        'roll the last restore in place back, or confirm it, which deletes its old data for good',
      ),
    ],
    steps: stepTitles(kind, topology),
    estimatedSeconds: SECONDS[topology] + (topology === 'ha' ? 3 : 2) * copied,
    price: null,
  };
}

export function previewOfConfirm({ name, spec }: Cluster, { keptOn, keptBytes }: Swap): PreviewAnswer {
  const size = keptBytes === null ? '' : `, ${Math.ceil(keptBytes / 1024 ** 2)} MiB`;
  return {
    kind: 'confirm-restore',
    changes: [
      {
        action: 'delete',
        what: `old data of ${name}`,
        detail: `on ${keptOn ?? 'its data node'}${size}; it can't be put back then`,
      },
    ],
    impact: 'none',
    checks: [],
    steps: stepTitles('confirm-restore', topologyOf(spec)),
    estimatedSeconds: CONFIRM_SECONDS,
    price: null,
  };
}
