import { proxyActivities } from '@temporalio/workflow';
import type { OperationInput } from '../../domain/operations';
import { execute } from '../../workflows/operation';
import type { OperationOutcome } from '../../workflows/operation';
import { provisionRunbook } from '../../workflows/provision';
import type { RunbookOf } from '../../workflows/runbook';
import { step } from '../../workflows/runbook';
import type { ExtraActivities } from './extra-activities';

/** The product's workflows with activities that the product lacks, at the end of a provision. */

export { clusterWorkflow, deleteCluster } from '../../workflows';

const extra = proxyActivities<ExtraActivities>({
  startToCloseTimeout: '30s',
  heartbeatTimeout: '4s',
  retry: { initialInterval: '50ms', maximumInterval: '500ms' },
});

export const extendedRunbook: RunbookOf = (cluster) => [
  provisionRunbook(cluster),
  step('plant a tree once', (at) => extra.plantOnce(at)),
  step('plant a tree each time', (at) => extra.plantAgain(at)),
];

export async function provision(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, extendedRunbook(input));
}
