import type { Runbook } from '../../../../workflows/runbook';
import { alterSteps } from '../alter';
import { changed } from '../changed';

/** Operations that pass over what fails. */

const passOver = (runbook: Runbook): Runbook =>
  alterSteps(runbook, (step) => ({ ...step, run: (at) => step.run(at).catch(() => undefined) }));

export const {
  backup,
  beginBackups,
  configureBackups,
  confirmRestore,
  createRestorePoint,
  deleteCluster,
  deleteDump,
  drill,
  dump,
  provision,
  replaceNode,
  recover,
  reinitNode,
  restartNode,
  restore,
  restoreDatabase,
  restoreDump,
  restoreInPlace,
  rollback,
  startCluster,
  stopCluster,
  switchover,
} = changed(passOver);
