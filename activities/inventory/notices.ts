import { z } from 'zod';
import { endInWords, toldOf } from '../../domain/backup-hooks';
import type { Notify, ScriptRun } from '../../domain/backup-hooks';
import type { OperationId } from '../../domain/ids';
import type { Notice, OperationChange } from '../../domain/operations';
import type { Sql } from './database';
import { first } from './database';
import { appendNotice } from './events';
import { backupPolicy } from './rows';

/** Events that say how backups, drills and dumps went, and whom the policy wants to be told. Who sends it on reads them. */

/**
 * What went wrong is always written, also when the policy names nobody who wants to know: by the events alone one can say
 * when and why. A success is written for those who asked for it. Call it with the operation's row held.
 */
export async function appendFor(
  sql: Sql,
  id: OperationId,
  notify: readonly Notify[],
  { event, message }: Omit<Notice, 'told'>,
): Promise<void> {
  const told = toldOf(notify, event === 'success' ? 'success' : 'failure');
  if (event === 'success' && told.length === 0) return;
  await appendNotice(sql, id, { event, told, message });
}

const row = z.object({
  kind: z.enum(['backup', 'drill', 'dump']),
  name: z.string(),
  policy: backupPolicy.nullable(),
});

/** Of a drill, the cluster whose backups it restores. */
async function aboutOperation(sql: Sql, id: OperationId): Promise<z.infer<typeof row> | null> {
  const query = `
    select operation.kind, about.name, about.spec -> 'backups' as policy
      from operations operation
      join clusters cluster on cluster.id = operation.cluster_id
      join clusters about on about.id = coalesce(cluster.drill_of, cluster.id)
     where operation.id = $1 and operation.kind in ('backup', 'drill', 'dump')`;
  return first(await sql.rows(row, query, [id]));
}

/**
 * A backup, a drill or a dump has ended. Call it with the operation's row held.
 * @param age of the last good one in words, where it failed and that is known.
 */
export async function tellEnd(
  sql: Sql,
  id: OperationId,
  { state, error }: OperationChange,
  age: string | null,
): Promise<void> {
  if (state !== 'succeeded' && state !== 'failed') return;
  const event = state === 'succeeded' ? 'success' : 'failure';
  const about = await aboutOperation(sql, id);
  if (!about) return;
  const why = error ? `: ${error.message.replace(/\.$/, '')}.` : '.';
  const message = `The ${about.kind} of ${about.name} ${state}${why}${age === null ? '' : ` ${age}`}`;
  await appendFor(sql, id, about.policy?.notify ?? [], { event, message });
}

/** A script has ended badly behind a backup, which is as good or bad as it was. Call it with the operation's row held. */
export async function warnOfScript(sql: Sql, id: OperationId, run: Omit<ScriptRun, 'finishedAt'>): Promise<void> {
  const about = await aboutOperation(sql, id);
  const message = `The script after the backup of ${about?.name ?? 'a cluster'} ${endInWords(run)} on ${run.node}.`;
  await appendFor(sql, id, about?.policy?.notify ?? [], { event: 'warning', message });
}
