import type { OperationId } from '../../domain/ids';
import type { Notice, Operation, OperationEvent, Step } from '../../domain/operations';
import type { Sql } from './database';
import { EVENT_CHANNEL } from './event-feed';

/**
 * Appends events of one operation and announces them when the transaction commits. Call it with the operation's row
 * held, so that events get their numbers in the order of commits.
 */
export async function appendEvents(
  sql: Sql,
  operation: Operation,
  changed: { readonly steps: readonly Step[]; readonly operation: boolean },
): Promise<void> {
  // An operation's event goes without its steps: each of them has events of its own.
  const bodies = [
    ...changed.steps.map((step) => ({ type: 'step' as const, body: JSON.stringify(step) })),
    ...(changed.operation
      ? [{ type: 'operation' as const, body: JSON.stringify({ ...operation, steps: undefined }) }]
      : []),
  ];
  await append(sql, operation.id, bodies);
}

/** Appends an event that somebody wants to be told of; as {@link appendEvents}. */
export const appendNotice = (sql: Sql, id: OperationId, notice: Notice): Promise<void> =>
  append(sql, id, [{ type: 'notice', body: JSON.stringify(notice) }]);

async function append(
  sql: Sql,
  id: OperationId,
  bodies: readonly { readonly type: OperationEvent['type']; readonly body: string }[],
): Promise<void> {
  if (bodies.length === 0) return;
  await sql.run(
    `with appended as (
       insert into operation_events (operation_id, type, body)
       select $1, type, body::jsonb from unnest($2::text[], $3::text[]) with ordinality as event (type, body, position)
        order by position
     )
     select pg_notify($4, $1)`,
    [id, bodies.map(({ type }) => type), bodies.map(({ body }) => body), EVENT_CHANNEL],
  );
}
