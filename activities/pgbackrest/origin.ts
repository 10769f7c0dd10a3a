import type { Origin } from '../../domain/backups';
import type { Cluster, StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { Fleet } from '../fleet';

/**
 * What an operation restores a cluster from: what that was ordered from, or where it is recovered its own backups, to their end. Null:
 * nothing.
 */
export async function originOf(
  { inventory }: Pick<Fleet, 'inventory'>,
  { operationId }: Pick<StepRef, 'operationId'>,
  { id: clusterId, name, origin }: Cluster,
): Promise<Origin | null> {
  const operation = await inventory.operations.get(operationId);
  if (operation?.kind !== 'recover') return origin;
  const timeline = await inventory.timelines.current(clusterId);
  if (!timeline) throw new HoldfastError('BACKUPS_NOT_CONFIGURED', { name });
  const kept = { site: null, keepsCredentials: true, undeletes: false, onlyDatabase: null };
  return { clusterId, timelineId: timeline.id, target: { kind: 'latest' }, ...kept };
}
