import { z } from 'zod';
import type { Sql } from './database';
import { first } from './database';

/** Who did what to what. Details never hold a secret. */
export interface AuditEntry {
  readonly actor: string;
  /** Verb, such as `provision`. */
  readonly action: string;
  /** Id of what was acted upon. */
  readonly subject: string;
  readonly details: Readonly<Record<string, string | number>>;
}

/** Appends to the audit log, in the transaction of the act itself. Call it last: it holds the log until the commit. */
export async function appendAudit(sql: Sql, entry: AuditEntry): Promise<void> {
  await sql.run('select audit_append($1, $2, $3, $4::jsonb)', [
    entry.actor,
    entry.action,
    entry.subject,
    JSON.stringify(entry.details),
  ]);
}

/** Number of the first entry that was changed, or that follows one that was taken out; null when the log is whole. */
export async function findAuditBreak(sql: Sql): Promise<number | null> {
  const row = z.object({ seq: z.string().nullable() });
  const found = first(await sql.rows(row, 'select audit_first_broken() as seq'));
  return found?.seq ? Number(found.seq) : null;
}
