import type { Runbook } from '../../../../workflows/runbook';
import { alterSteps } from '../alter';
import { changed } from '../changed';

/** Operations that take nothing back. */

const forget = (runbook: Runbook): Runbook =>
  alterSteps(runbook, ({ kind, id, title, run }) => ({ kind, id, title, run }));

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
} = changed(forget);
