import { randomInt } from 'node:crypto';
import type { RestoreWindow } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import type { Drill, DrillPoint, KnownCopy } from '../../domain/drills';
import { choosePoint } from '../../domain/drills';
import { HoldfastError } from '../../domain/errors';
import type { Fleet } from '../fleet';
import { createWindowActivities } from '../pgbackrest/look';

/** More backups than are kept. */
const BACKUPS = 5_000;
const PRECISION = 2 ** 32;

/** See {@link DrillActivities.choosePoint}. */
export async function choosePointOf(fleet: Fleet, at: StepRef): Promise<void> {
  const drill = await fleet.inventory.drills.ofOperation(at.operationId);
  if (drill.target !== null) return;
  const point = await pointOf(fleet, drill);
  if (point) return fleet.inventory.drills.choose(at, point);
  const window = 'there is no backup yet';
  throw new HoldfastError('RESTORE_TARGET_OUTSIDE', { target: 'Any time', window });
}

async function pointOf(fleet: Fleet, drill: Drill): Promise<DrillPoint | null> {
  const window = await windowOf(fleet, drill);
  if (window === null) return null;
  const { projectId, clusterId, timelineId } = drill;
  const [backups, forks] = await Promise.all([
    fleet.inventory.backups.list(projectId, { limit: BACKUPS, clusterId }),
    fleet.inventory.swaps.forks(timelineId),
  ]);
  const copies = backups
    .filter(({ state, timelineId: lineage }) => lineage === timelineId && state === 'succeeded')
    .flatMap(({ id, copies: all }): KnownCopy[] =>
      all.flatMap((copy) => (copy.removedAt === null ? [{ ...copy, backupId: id }] : [])),
    );
  const chance = (): number => randomInt(PRECISION) / PRECISION;
  return choosePoint(window, forks, copies, [chance(), chance(), chance()]);
}

/** As the archive says now; of a cluster that does not answer, as it said last: its backups have to be good all the more. */
async function windowOf(fleet: Fleet, { clusterId, timelineId }: Drill): Promise<RestoreWindow | null> {
  try {
    return await createWindowActivities(fleet).lookAtWindow(clusterId, null, null);
  } catch (error) {
    if (!(error instanceof HoldfastError) || !error.retryable) throw error;
    return fleet.inventory.timelines.getWindow(timelineId);
  }
}
