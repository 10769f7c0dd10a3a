import type { ClusterSpec } from '../../domain/clusters';
import type { OperationKind } from '../../domain/operations';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import { NO_SCRIPT, nothingTo, WITHOUT_BACKUPS } from '../../domain/step-words';
import type { NodeName } from '../../domain/topology';
import { stepTitles } from '../../workflows/runbooks';
import { topologyOf } from './submit';

/** The steps of a preview. Those of which it is known that they will find nothing to do say why. */

/** By the id of the step: what there is nothing to do of without backups, `do` for all of it. Exported for its test. */
export const ABOUT_BACKUPS: ReadonlyMap<string, string> = new Map([
  ['make-the-certificate-authority-and-open-the-archive', 'open'],
  ['declare-the-cluster-ready-and-schedule-its-backups', 'schedule'],
  ['prepare-the-stores', 'do'],
  ['take-the-first-backup', 'do'],
  ['write-down-what-the-stores-have', 'do'],
  ['stop-its-backups', 'do'],
  ['archive-the-end-of-the-log', 'do'],
  ['tell-the-data-nodes-of-its-backups', 'do'],
  ['archive-the-log', 'do'],
  ['pause-the-schedules-of-its-backups', 'do'],
  ['declare-the-cluster-ready-and-resume-its-schedules', 'schedule'],
]);

/** By the id of the step: the script of the policy that it runs. Exported for its test. */
export const ABOUT_SCRIPTS = new Map([
  ['run-the-script-before-it', 'pre'],
  ['run-the-script-after-it', 'post'],
] as const);

/** @param node that the operation is about, if one. */
export function previewSteps(
  kind: OperationKind,
  spec: Pick<ClusterSpec, 'plan' | 'backups'>,
  node?: NodeName,
): PreviewAnswer['steps'] {
  return stepTitles(kind, topologyOf(spec), node).map((step) => {
    const note = noteOn(step.id, spec);
    return note === null ? step : { ...step, note };
  });
}

function noteOn(id: string, { backups }: Pick<ClusterSpec, 'backups'>): string | null {
  if (backups === null) {
    const verb = ABOUT_BACKUPS.get(id);
    return verb === undefined ? null : nothingTo(verb, WITHOUT_BACKUPS);
  }
  const [, phase] = [...ABOUT_SCRIPTS].find(([step]) => step === id) ?? [];
  return phase === undefined || backups.hooks[phase] ? null : nothingTo('do', NO_SCRIPT);
}
