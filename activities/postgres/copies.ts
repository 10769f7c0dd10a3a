import { HoldfastError } from '../../domain/errors';
import { isMajority } from '../../domain/heartbeats';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, hostOf, otherDataNodes } from '../fleet';
import { TIMEOUT_EXIT_CODE } from '../host/errors';
import { runSql, untilTrue } from './psql';
import type { SqlText } from './sql';
import { sql } from './sql';

/** Where the acknowledged commits are: asked before a copy of them is thrown away. */

/** Standbys that are near need a moment under load; who copies its data needs more. */
const CATCH_UP_S = 5;

/**
 * Why the other data nodes would be no majority that has all that was acknowledged up to now, and acknowledges what comes: null where
 * they are. As the primary tells, which may be that node. Looks only, for some seconds.
 */
export async function lackOfCopies(
  fleet: Fleet,
  view: ClusterView,
  primary: ReachableNode,
  without: NodeName,
): Promise<string | null> {
  const all = dataNodesOf(view).length;
  const counted = primary.name === without ? 0 : 1;
  let needed = 0;
  while (!isMajority(counted + needed, all)) needed += 1;
  if (needed > otherDataNodes(view, without).length - counted) return 'it is the only one';
  if (needed === 0 || (await haveAll(fleet, view, primary, without, needed))) return null;
  return `too few of the other data nodes are in sync with ${primary.name}`;
}

/** So many standbys, beside the one that is named, count for the quorum and have written all that the primary has now. */
async function haveAll(
  fleet: Fleet,
  view: ClusterView,
  primary: ReachableNode,
  without: NodeName,
  needed: number,
): Promise<boolean> {
  const host = hostOf(fleet, view, primary);
  const title = 'see how far the log is';
  const position = await runSql(view, host, 'postgres', sql`SELECT pg_current_wal_flush_lsn()`, title);
  try {
    await untilTrue(view, host, copiesUpTo(position, without, needed), {
      title: 'see who has all of it',
      timeoutS: CATCH_UP_S,
    });
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.values['exitCode'] === TIMEOUT_EXIT_CODE) return false;
    throw error;
  }
}

/** True where so many standbys beside `without` have flushed the log up to there, and count for commits. */
export const copiesUpTo = (position: string, without: NodeName, needed: number): SqlText =>
  sql`SELECT count(*) >= ${needed} FROM pg_stat_replication
    WHERE application_name <> ${without} AND state = 'streaming' AND sync_state IN ('quorum', 'sync')
      AND flush_lsn >= ${position}::pg_lsn`;
