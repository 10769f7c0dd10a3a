import type { WorkflowInterceptors } from '@temporalio/workflow';
import { isStepRef } from '../domain/clusters';

/** What works for no step. */
const OF_NO_STEP: Readonly<Record<string, string>> = {
  recordOperation: 'write the progress down',
  openBackup: 'write the operation down',
  removeExpiredLineages: 'remove what backups have outlived their clusters for long enough',
  findOverdueBackups: 'find backups that are overdue',
};

/** Gives every activity a summary for the Web UI: the node that it is about and the step of the runbook it works for. */
export const interceptors = (): WorkflowInterceptors => ({
  outbound: [
    {
      scheduleActivity(input, next) {
        const [at, node] = input.args;
        const what = isStepRef(at) ? at.stepId.replaceAll('-', ' ') : (OF_NO_STEP[input.activityType] ?? 'look');
        const summary = typeof node === 'string' ? `${node}: ${what}` : what;
        return next({ ...input, options: { ...input.options, summary } });
      },
    },
  ],
});
