import type { WorkflowInterceptors } from '@temporalio/workflow';
import { isStepRef } from '../domain/clusters';

/** Gives every activity a summary for the Web UI: the node that it is about and the step of the runbook it works for. */
export const interceptors = (): WorkflowInterceptors => ({
  outbound: [
    {
      scheduleActivity(input, next) {
        const [at, node] = input.args;
        const what = isStepRef(at) ? at.stepId.replaceAll('-', ' ') : 'write the progress down';
        const summary = typeof node === 'string' ? `${node}: ${what}` : what;
        return next({ ...input, options: { ...input.options, summary } });
      },
    },
  ],
});
