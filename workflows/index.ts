/** The workflow types that workers register. */
export { backup } from './backup';
export { backupDue } from './backup-due';
export { checkHost } from './check-host';
export { checkSites } from './check-sites';
export { clusterWorkflow } from './cluster';
export { configureBackups } from './configure-backups';
export { confirmRestore } from './confirm-restore';
export { deleteCluster } from './delete';
export { drill } from './drill';
export { drillDue } from './drill-due';
export { housekeeping } from './housekeeping';
export { lookAtWindow } from './look-at-window';
export { provision } from './provision';
export { restore } from './restore';
export { restoreInPlace } from './restore-in-place';
export { rollback } from './rollback';
