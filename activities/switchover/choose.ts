import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, hostOf } from '../fleet';
import { findPrimary, runSql } from '../postgres/psql';
import { sql } from '../postgres/sql';
import { demandGateways } from './clients';

/** What a standby has not replayed it replays before it takes writes, while everybody waits: a segment takes a part of a second. */
const MOST_BEHIND_BYTES = 16 * 1024 ** 2;

/** Of the primary: names of the standbys whose word counts for a commit and that have caught up, the one that is least behind first. */
export const FIT_STANDBYS = sql`SELECT application_name FROM pg_stat_replication
  WHERE state = 'streaming' AND sync_state IN ('quorum', 'sync')
    AND pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) <= ${MOST_BEHIND_BYTES}
  ORDER BY replay_lsn DESC, application_name`;

/** See SwitchoverActivities.chooseStandby. */
export async function chooseStandby(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  const { operations } = fleet.inventory;
  const { from = null, to = null } = (await operations.get(at.operationId))?.switchover ?? {};
  if (from !== null) return;
  await demandGateways(fleet, view);
  const primary = await findPrimary(fleet, view);
  const fit = await fitStandbys(fleet, view, primary);
  await operations.recordSwitchover(at, { from: primary.name, to: choice(primary, fit, to) });
}

/** Those of {@link FIT_STANDBYS}, in that order. */
export async function fitStandbys(fleet: Fleet, view: ClusterView, primary: ReachableNode): Promise<ReachableNode[]> {
  const host = hostOf(fleet, view, primary);
  const names = await runSql(view, host, 'postgres', FIT_STANDBYS, 'see which standbys have caught up');
  return names.split('\n').flatMap((name) => dataNodesOf(view).find((node) => node.name === name) ?? []);
}

/** @throws SWITCHOVER_FAILED. */
function choice(
  { name }: ReachableNode,
  [best, ...others]: readonly ReachableNode[],
  asked: NodeName | null,
): NodeName {
  const failed = (detail: string): HoldfastError => new HoldfastError('SWITCHOVER_FAILED', { detail });
  if (asked === name) throw failed(`${name} is the primary already; name another data node, or none`);
  if (!best) throw failed('no synchronous standby has caught up with the primary; wait until one has');
  const fit = [best, ...others].map((node) => node.name);
  if (asked !== null && !fit.includes(asked))
    throw failed(`${asked} is not in sync with the primary: wait until it is, or name one that is (${fit.join(', ')})`);
  return asked ?? best.name;
}
