import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { hostToken } from '../cloud/tokens';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { lackOfCopies } from '../postgres/copies';
import { findPrimary, findPrimaryBeside } from '../postgres/psql';
import { demandOthers } from './demands';
import { handOver } from './hand-over';

/** How long a failover among the others may take before the former host is asked for its copy. */
const PRIMARY_S = 30;

/**
 * Before a former host leaves for good the others have to have what it has: its copy may be the only other one, or the last. One that
 * is gone has taken its copy with it, and nobody waits. Where none of the others is the primary, or too few of them work, the host
 * is switched on again: then it takes part, and is switched off once more when the others can do without it. Effects: power; the primary.
 * A machine of the user's runs until its software is taken off. @throws NOT_YET while they have not.
 */
export async function demandCopies(fleet: Fleet, at: StepRef, view: ClusterView, node: ReachableNode): Promise<void> {
  const { cluster, cloud } = view;
  const { name } = node;
  const token = hostToken(cluster, name);
  const host = node.role === 'data' ? await cloud.findHost(token) : null;
  // A fresh one that could not be written down is nobody's former host.
  if (host?.id !== node.hostId) return;
  const isOurs = !cloud.machines;
  const found = await findPrimary(fleet, view, PRIMARY_S).catch(async (error: unknown) => {
    if (!host.running && isOurs && error instanceof HoldfastError && error.code === 'NOT_YET') {
      await cloud.powerOn(token);
      throw new HoldfastError('NOT_YET', { what: `No other data node is the primary: ${name} was switched on again.` });
    }
    throw error;
  });
  if (found.name === name) await handOver(fleet, at, view, name).catch(notYet);
  const primary = found.name === name ? await findPrimaryBeside(fleet, view, name) : found;
  const lack = await lackOfCopies(fleet, view, primary, name);
  if (lack !== null) {
    if (!host.running && isOurs && (await isNeeded(fleet, view, node))) await cloud.powerOn(token);
    throw new HoldfastError('NOT_YET', { what: `The data of ${name} is kept: ${lack}.` });
  }
  if (!host.running || !isOurs) return;
  await cloud.powerOff(token);
  // With its help something may have been acknowledged until then, or it was the primary by then.
  return demandCopies(fleet, at, view, node);
}

/** Who has just become the primary has nobody in sync for a moment. */
function notYet(error: unknown): never {
  if (!(error instanceof HoldfastError) || error.code !== 'SWITCHOVER_FAILED') throw error;
  throw new HoldfastError('NOT_YET', { what: error.message }, { cause: error });
}

/** Another one was lost meanwhile: without it nobody could write. */
const isNeeded = (fleet: Fleet, view: ClusterView, node: ReachableNode): Promise<boolean> =>
  demandOthers(fleet, view, node).then(
    () => false,
    (error: unknown) => {
      if (error instanceof HoldfastError && error.code === 'NO_QUORUM_LEFT') return true;
      throw error;
    },
  );
