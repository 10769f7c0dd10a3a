import { sleep } from '@temporalio/workflow';
import type { OperationInput } from '../../../domain/operations';
import { clusterWorkflow as realCluster } from '../../../workflows/cluster';
import type { ClusterState } from '../../../workflows/cluster';
import { deleteRunbook } from '../../../workflows/delete';
import { execute } from '../../../workflows/operation';
import type { OperationOutcome } from '../../../workflows/operation';
import { provisionRunbook } from '../../../workflows/provision';
import type { Runbook } from '../../../workflows/runbook';
import { isList } from '../../../workflows/runbook';

/** The workflows as a careless change would make them: the negative control of the replay tests. */

export async function provision(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, withoutLast(provisionRunbook(input)));
}

export async function deleteCluster(input: OperationInput): Promise<OperationOutcome> {
  return execute(input, withoutLast(deleteRunbook(input)));
}

export async function clusterWorkflow(state: ClusterState): Promise<void> {
  await sleep('1 second');
  await realCluster(state);
}

function withoutLast(runbook: Runbook): Runbook {
  if (!isList(runbook)) throw new Error('a list of steps was expected');
  return runbook.slice(0, -1);
}
