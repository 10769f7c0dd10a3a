import type { Cluster } from './clusters';
import { HoldfastError } from './errors';
import type { OperationKind } from './operations';

/** What may be done with a cluster, by its state. */

type Known = Pick<Cluster, 'name'> & { readonly status: Pick<Cluster['status'], 'state'> };

/** @throws CLUSTER_STOPPED, CLUSTER_NOT_READY. */
export function requireReady({ name, status: { state } }: Known): void {
  if (state === 'stopped') throw new HoldfastError('CLUSTER_STOPPED', { name });
  if (state !== 'ready') throw new HoldfastError('CLUSTER_NOT_READY', { name, state });
}

/** What ends the state `stopped`, one way or the other. */
const OF_STOPPED: readonly OperationKind[] = ['start', 'delete'];

/** @throws CLUSTER_STOPPED for what a stopped cluster can't do, CLUSTER_NOT_STOPPED for the start of another one. */
export function requireStateFor(kind: OperationKind, { name, status: { state } }: Known): void {
  if (state === 'stopped' && !OF_STOPPED.includes(kind)) throw new HoldfastError('CLUSTER_STOPPED', { name });
  if (state !== 'stopped' && kind === 'start') throw new HoldfastError('CLUSTER_NOT_STOPPED', { name, state });
}
