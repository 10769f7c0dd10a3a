import type { WorkflowInterceptors } from '@temporalio/workflow';

/** Gives every activity a summary for the Web UI: which node it is about. */
export const interceptors = (): WorkflowInterceptors => ({
  outbound: [
    {
      scheduleActivity(input, next) {
        const node: unknown = input.args[1];
        const summary = typeof node === 'string' ? `${node}: ${inWords(input.activityType)}` : inWords(input.activityType);
        return next({ ...input, options: { ...input.options, summary } });
      },
    },
  ],
});

/** `startMember` -> `start member`. */
function inWords(activityType: string): string {
  return activityType.replace(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`);
}
