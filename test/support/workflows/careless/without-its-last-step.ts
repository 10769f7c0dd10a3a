import type { Runbook } from '../../../../workflows/runbook';
import { isList } from '../../../../workflows/runbook';
import { changed } from '../changed';

/** Operations that leave out their last step. */

function shorten(runbook: Runbook): Runbook {
  if (!isList(runbook)) throw new Error('a list of steps was expected');
  return runbook.slice(0, -1);
}

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
} = changed(shorten);
