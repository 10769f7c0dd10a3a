import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import { appendAudit } from './audit';
import type { AuditEntry } from './audit';
import type { Database, Sql } from './database';
import { first } from './database';
import type { Idempotency, OnceResult, Tables } from './inventory';

/** See `Inventory.once`. `tablesOn` gives the tables as they work inside the transaction. */
export function once<T>(
  database: Database,
  tablesOn: (inside: Database) => Tables,
  idempotency: Idempotency | null,
  shape: z.ZodType<T>,
  change: (tables: Tables) => Promise<{ readonly answer: T; readonly audit: AuditEntry }>,
): Promise<OnceResult<T>> {
  return database.transaction(async (sql) => {
    if (idempotency && !(await claimKey(sql, idempotency))) {
      return { answer: shape.parse(await keptAnswer(sql, idempotency)), replayed: true };
    }
    const done = await change(tablesOn(joined(database, sql)));
    const answer = shape.parse(done.answer);
    if (idempotency) await keep(sql, idempotency, answer);
    await appendAudit(sql, done.audit);
    return { answer, replayed: false };
  });
}

/** The transaction as a database, so that what opens one of its own joins this one. */
function joined({ url }: Database, sql: Sql): Database {
  return { ...sql, url, transaction: (work) => work(sql), close: () => Promise.resolve() };
}

/** False when another request has the key. Waits while one is about to take it. */
async function claimKey(sql: Sql, { principal, key, requestHash }: Idempotency): Promise<boolean> {
  const claimed = await sql.run(
    `insert into idempotency_keys (principal, key, request_hash, answer) values ($1, $2, $3, 'null')
         on conflict do nothing`,
    [principal, key, requestHash],
  );
  return claimed > 0;
}

async function keep(sql: Sql, { principal, key }: Idempotency, answer: unknown): Promise<void> {
  await sql.run('update idempotency_keys set answer = $3::jsonb where principal = $1 and key = $2', [
    principal,
    key,
    JSON.stringify(answer),
  ]);
}

async function keptAnswer(sql: Sql, { principal, key, requestHash }: Idempotency): Promise<unknown> {
  const row = z.object({ request_hash: z.string(), answer: z.unknown() });
  const kept = first(
    await sql.rows(row, 'select request_hash, answer from idempotency_keys where principal = $1 and key = $2', [
      principal,
      key,
    ]),
  );
  if (kept?.request_hash !== requestHash) throw new HoldfastError('IDEMPOTENCY_KEY_REUSED');
  return kept.answer;
}
