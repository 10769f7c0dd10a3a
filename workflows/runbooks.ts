import type { OperationKind, StepTitle } from '../domain/operations';
import type { Topology } from '../domain/plans';
import { backupRunbook } from './backup';
import { configureBackupsRunbook } from './configure-backups';
import { deleteRunbook } from './delete';
import { drillRunbook } from './drill';
import { provisionRunbook } from './provision';
import { restoreRunbook } from './restore';
import type { RunbookOf } from './runbook';
import { titlesOf } from './runbook';

/** The registry of operations: a new one is a workflow file, its activities and a line here. */
export const RUNBOOKS: Readonly<Record<OperationKind, { readonly workflow: string; readonly runbook: RunbookOf }>> = {
  provision: { workflow: 'provision', runbook: provisionRunbook },
  delete: { workflow: 'deleteCluster', runbook: deleteRunbook },
  backup: { workflow: 'backup', runbook: backupRunbook },
  restore: { workflow: 'restore', runbook: restoreRunbook },
  drill: { workflow: 'drill', runbook: drillRunbook },
  'configure-backups': { workflow: 'configureBackups', runbook: configureBackupsRunbook },
};

/** The steps that an operation will have: for previews, and written with a new operation. */
export function stepTitles(kind: OperationKind, topology: Topology): StepTitle[] {
  return titlesOf(RUNBOOKS[kind].runbook({ topology }));
}
