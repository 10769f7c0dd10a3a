import { CancellationScope } from '@temporalio/workflow';
import type { Runbook } from '../../../../workflows/runbook';
import { alterSteps } from '../alter';
import { changed } from '../changed';

/** Operations that let what works go on when they are cancelled. */

const deafen = (runbook: Runbook): Runbook =>
  alterSteps(runbook, (step) => ({ ...step, run: (at) => CancellationScope.nonCancellable(() => step.run(at)) }));

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
} = changed(deafen);
