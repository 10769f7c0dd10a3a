import { HoldfastError } from '../../domain/errors';
import type { ClusterView, Fleet } from '../fleet';
import { hostOf } from '../fleet';
import { TIMEOUT_EXIT_CODE } from '../host/errors';
import { findPrimary, runSql, untilTrue } from '../postgres/psql';
import { sql } from '../postgres/sql';

/** How far the replicas of a cluster are, seen from its primary. */

/** One look at the goal: the host itself waits for it, so that it is seen at once. */
const LOOK_S = 10;

/** True when `replicas` of them stream and count for the quorum; waits for it up to ten seconds. */
export async function isQuorumFormed(fleet: Fleet, view: ClusterView, replicas: number): Promise<boolean> {
  const host = hostOf(fleet, view, await findPrimary(fleet, view));
  const formed = sql`SELECT count(*) >= ${replicas} FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'quorum'`;
  try {
    await untilTrue(view, host, formed, { title: 'wait for the quorum', timeoutS: LOOK_S });
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.values['exitCode'] === TIMEOUT_EXIT_CODE) return false;
    throw error;
  }
}

/** What the replicas have copied and replayed, in words: it changes as long as they get on. */
export async function catchUpPosition(fleet: Fleet, view: ClusterView, replicas: number): Promise<string> {
  const host = hostOf(fleet, view, await findPrimary(fleet, view));
  const position = sql`SELECT concat_ws(', ',
    format('%s of %s replicas in the quorum', count(*) FILTER (WHERE sync_state = 'quorum'), ${replicas}::int),
    (SELECT format('%s MiB copied', round(sum(backup_streamed) / 1048576))
       FROM pg_stat_progress_basebackup HAVING count(*) > 0),
    'replayed up to ' || string_agg(replay_lsn::text, ' and ' ORDER BY application_name))
    FROM pg_stat_replication WHERE state <> 'backup'`;
  return runSql(view, host, 'postgres', position, 'see how far the replicas are');
}
