import type { StepRef } from '../../domain/clusters';
import type { Drill } from '../../domain/drills';
import { HoldfastError } from '../../domain/errors';
import { targetInWords } from '../../domain/restore-targets';
import type { DataCheck } from '../../domain/restored';
import type { Fleet } from '../fleet';
import { hostOf, viewCluster } from '../fleet';
import { examine, wrongIn } from '../pgbackrest/checks';
import type { Looked } from '../pgbackrest/checks';
import { setReadBy } from '../pgbackrest/read-set';
import { checkManifest } from '../pgbackrest/verify';
import { findPrimary } from '../postgres/psql';

/** See {@link DrillActivities.examineRestore}. */
export async function examineRestore(fleet: Fleet, at: StepRef): Promise<void> {
  const view = await viewCluster(fleet, at.clusterId);
  const host = hostOf(fleet, view, await findPrimary(fleet, view));
  const drill = await fleet.inventory.drills.ofOperation(at.operationId);
  const read = await setReadBy(fleet, at, drill.timelineId);
  const { looked, checks: seen } = await examine(view, host, 'thorough');
  const manifest = read ? await checkManifest(fleet, read) : [];
  const checks = [stopOf(drill, looked), ...seen, ...manifest];
  const restoredTo = looked.restoredTo?.toISOString() ?? null;
  const from = read && { site: read.site, setId: read.setId };
  await fleet.inventory.drills.recordFindings(at, { ...from, restoredTo, databaseBytes: looked.databaseBytes, checks });
  await fleet.inventory.operations.recordRestored(at, { checks });
  const detail = wrongIn(checks);
  if (detail !== null) throw new HoldfastError('DRILL_FAILED', { drill: drill.id, detail });
}

function stopOf({ target }: Drill, { restoredTo, databases }: Looked): DataCheck {
  const passed = restoredTo === null || target?.kind !== 'time' || restoredTo.getTime() <= Date.parse(target.time);
  const commit = restoredTo === null ? 'no commit was replayed' : `the newest commit is of ${restoredTo.toISOString()}`;
  const asked = target === null ? 'nothing' : targetInWords(target);
  return { name: 'stops at its target', passed, detail: `${asked} was asked for, ${commit}, ${databases} databases` };
}
