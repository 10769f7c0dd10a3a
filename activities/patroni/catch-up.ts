import { HoldfastError } from '../../domain/errors';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, hostOf } from '../fleet';
import { isOutOfReach, TIMEOUT_EXIT_CODE } from '../host/errors';
import { sh } from '../host/shell';
import { COPY_PROGRESS_FILE } from '../pgbackrest/copy';
import { dataDirectory } from '../postgres/paths';
import { findPrimary, runSql, untilTrue } from '../postgres/psql';
import type { SqlText } from '../postgres/sql';
import { sql } from '../postgres/sql';
import type { Waited } from './waited-for';

/** How far the replicas of a cluster are, seen from its primary. */

/** One look at the goal: the host itself waits for it, so that it is seen at once. */
const LOOK_S = 10;

/** How many of those that are waited for are to follow the primary, and which they are. */
function replicasOf(view: ClusterView, waited: Waited, primary: ReachableNode): { count: number; names: string } {
  const among = typeof waited === 'number' ? dataNodesOf(view).map(({ name }) => name) : waited;
  const names = among.filter((name) => name !== primary.name);
  return { count: typeof waited === 'number' ? waited : names.length, names: names.join(' ') };
}

/** So many of these replicas stream and count for the quorum. @param names with blanks between. */
export const formed = (count: number, names: string): SqlText =>
  sql`SELECT count(*) >= ${count} FROM pg_stat_replication
    WHERE state = 'streaming' AND sync_state = 'quorum' AND application_name = ANY (string_to_array(${names}, ' '))`;

/** True when the replicas that are waited for stream and count for the quorum; waits for it up to ten seconds. */
export async function isQuorumFormed(fleet: Fleet, view: ClusterView, waited: Waited): Promise<boolean> {
  const primary = await findPrimary(fleet, view);
  const { count, names } = replicasOf(view, waited, primary);
  try {
    await untilTrue(view, hostOf(fleet, view, primary), formed(count, names), {
      title: 'wait for the quorum',
      timeoutS: LOOK_S,
    });
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.values['exitCode'] === TIMEOUT_EXIT_CODE) return false;
    throw error;
  }
}

/** In words, of all replicas that are connected. @param names see {@link formed}. */
export const progressOf = (count: number, names: string): SqlText =>
  sql`SELECT concat_ws(', ',
    format('%s of %s replicas in the quorum',
      count(*) FILTER (WHERE sync_state = 'quorum' AND application_name = ANY (string_to_array(${names}, ' '))), ${count}::int),
    (SELECT format('%s MiB copied', round(sum(backup_streamed) / 1048576))
       FROM pg_stat_progress_basebackup HAVING count(*) > 0),
    string_agg(format('%s replayed up to %s', application_name, replay_lsn), ', ' ORDER BY application_name))
    FROM pg_stat_replication WHERE state <> 'backup'`;

/** What the replicas have copied and replayed, in words: it changes as long as they get on. */
export async function catchUpPosition(fleet: Fleet, view: ClusterView, waited: Waited): Promise<string> {
  const primary = await findPrimary(fleet, view);
  const { count, names } = replicasOf(view, waited, primary);
  const title = 'see how far the replicas are';
  const seen = await runSql(view, hostOf(fleet, view, primary), 'postgres', progressOf(count, names), title);
  const others = dataNodesOf(view).filter(({ name }) => name !== primary.name && !seen.includes(name));
  const told = await Promise.all(others.map((node) => positionOf(fleet, view, node)));
  return [seen, ...told.filter((one) => one !== null)].join(', ');
}

/* Log from the archive gets its name there when it is whole. */
const POSITION = `cat "$0" 2>/dev/null ||
  ls -t "$1/pg_wal" 2>/dev/null | grep -xE '[0-9A-F]{24}' | head -n 1 | sed 's/^/has log up to /'`;

/** Of a replica that has no connection to the primary yet, because its data comes from a backup; null where nothing is known. */
async function positionOf(fleet: Fleet, view: ClusterView, node: ReachableNode): Promise<string | null> {
  const look = sh`sh -c ${POSITION} ${COPY_PROGRESS_FILE} ${dataDirectory(view.cluster.spec.version)}`;
  try {
    const told = await hostOf(fleet, view, node).run(look, { title: 'see how far the replica is' });
    return told.trim() === '' ? null : `${node.name} ${told.trim()}`;
  } catch (error) {
    if (isOutOfReach(error)) return null;
    throw error;
  }
}
