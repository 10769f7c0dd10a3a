import type { OperationKind, StepTitle } from '../domain/operations';
import type { Topology } from '../domain/plans';
import type { NodeName } from '../domain/topology';
import { backupRunbook } from './backup';
import { beginBackupsRunbook } from './begin-backups';
import { configureBackupsRunbook } from './configure-backups';
import { confirmRestoreRunbook } from './confirm-restore';
import { createRestorePointRunbook } from './create-restore-point';
import { deleteRunbook } from './delete';
import { deleteDumpRunbook } from './delete-dump';
import { drillRunbook } from './drill';
import { dumpRunbook } from './dump';
import { provisionRunbook } from './provision';
import { replaceNodeRunbook } from './replace-node';
import { recoverRunbook } from './recover';
import { reinitNodeRunbook } from './reinit-node';
import { restartNodeRunbook } from './restart-node';
import { restoreRunbook } from './restore';
import { restoreDatabaseRunbook } from './restore-database';
import { restoreDumpRunbook } from './restore-dump';
import { restoreInPlaceRunbook } from './restore-in-place';
import { rollbackRunbook } from './rollback';
import type { RunbookOf } from './runbook';
import { titlesOf } from './runbook';
import { startRunbook } from './start';
import { stopRunbook } from './stop';
import { switchoverRunbook } from './switchover';

/** The registry of operations: a new one is a workflow file, its activities and a line here. */
export const RUNBOOKS: Readonly<Record<OperationKind, { readonly workflow: string; readonly runbook: RunbookOf }>> = {
  provision: { workflow: 'provision', runbook: provisionRunbook },
  delete: { workflow: 'deleteCluster', runbook: deleteRunbook },
  backup: { workflow: 'backup', runbook: backupRunbook },
  restore: { workflow: 'restore', runbook: restoreRunbook },
  drill: { workflow: 'drill', runbook: drillRunbook },
  'begin-backups': { workflow: 'beginBackups', runbook: beginBackupsRunbook },
  'configure-backups': { workflow: 'configureBackups', runbook: configureBackupsRunbook },
  'restore-in-place': { workflow: 'restoreInPlace', runbook: restoreInPlaceRunbook },
  rollback: { workflow: 'rollback', runbook: rollbackRunbook },
  'confirm-restore': { workflow: 'confirmRestore', runbook: confirmRestoreRunbook },
  'create-restore-point': { workflow: 'createRestorePoint', runbook: createRestorePointRunbook },
  dump: { workflow: 'dump', runbook: dumpRunbook },
  'delete-dump': { workflow: 'deleteDump', runbook: deleteDumpRunbook },
  'restore-dump': { workflow: 'restoreDump', runbook: restoreDumpRunbook },
  'restore-database': { workflow: 'restoreDatabase', runbook: restoreDatabaseRunbook },
  switchover: { workflow: 'switchover', runbook: switchoverRunbook },
  'replace-node': { workflow: 'replaceNode', runbook: replaceNodeRunbook },
  recover: { workflow: 'recover', runbook: recoverRunbook },
  'restart-node': { workflow: 'restartNode', runbook: restartNodeRunbook },
  'reinit-node': { workflow: 'reinitNode', runbook: reinitNodeRunbook },
  stop: { workflow: 'stopCluster', runbook: stopRunbook },
  start: { workflow: 'startCluster', runbook: startRunbook },
};

/** The steps that an operation will have: for previews, and written with a new operation. @param node that it is about, if one. */
export function stepTitles(kind: OperationKind, topology: Topology, node?: NodeName): StepTitle[] {
  return titlesOf(RUNBOOKS[kind].runbook({ topology, ...(node !== undefined && { node }) }));
}
