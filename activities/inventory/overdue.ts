import { z } from 'zod';
import type { ClusterId } from '../../domain/ids';
import { appendAudit } from './audit';
import { lockCluster, setCondition } from './clusters';
import type { Sql, SqlValue } from './database';
import { first } from './database';
import { appendFor } from './notices';
import { backupPolicy, operationId } from './rows';

/** What a policy asks for and what did not come. */

const CONDITIONS = { backup: 'BackedUp', drill: 'RestoreProven', dump: 'Dumped' } as const;

/** What may be overdue. */
export interface Overdue {
  readonly what: keyof typeof CONDITIONS;
  /** SQL: whether a `cluster` expects it, as far as what is running says; $1 and so on are the values. */
  readonly where: string;
  readonly values?: readonly SqlValue[];
}

/** @returns false, where it has come meanwhile or was told before: nothing is told then. */
export async function raiseOverdue(
  sql: Sql,
  id: ClusterId,
  message: string,
  { what, where, values = [] }: Overdue,
): Promise<boolean> {
  await lockCluster(sql, id, null);
  const query = `select id from clusters cluster where ${where} and id = $${values.length + 1}`;
  if ((await sql.run(query, [...values, id])) === 0) return false;
  await tellOverdue(sql, id, what, message);
  return true;
}

/** An operation of which nothing was heard for so long hangs: it does not count as one that runs. */
export const heardOfLately = (operation: string): string => `
  (select at from operation_events event
    where event.operation_id = ${operation} and event.type <> 'notice' order by seq desc limit 1) > now() - interval '30 minutes'`;

/** The cluster says that it is overdue, the audit log does, and an event, with whoever wants to know of failures. */
async function tellOverdue(sql: Sql, id: ClusterId, what: keyof typeof CONDITIONS, message: string): Promise<void> {
  await setCondition(sql, id, { type: CONDITIONS[what], status: false, reason: 'Overdue', message });
  await noticeOverdue(sql, id, message);
  await appendAudit(sql, { actor: 'housekeeping', action: `${what} overdue`, subject: id, details: { message } });
}

const lastOperation = z.object({ id: operationId, name: z.string(), policy: backupPolicy });

/** What did not come has no operation: it is an event of the cluster's last backup, or else of the last thing done with it. */
async function noticeOverdue(sql: Sql, id: ClusterId, message: string): Promise<void> {
  const query = `
    select operation.id, cluster.name, cluster.spec -> 'backups' as policy
      from operations operation join clusters cluster on cluster.id = operation.cluster_id
     where cluster.id = $1
     order by (operation.kind = 'backup') desc, operation.id desc limit 1 for update of operation`;
  const last = first(await sql.rows(lastOperation, query, [id]));
  if (!last) return;
  await appendFor(sql, last.id, last.policy.notify, { event: 'failure', message: `${last.name}: ${message}` });
}
