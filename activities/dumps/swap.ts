import type { StepRef } from '../../domain/clusters';
import type { SqlText } from '../postgres/sql';
import { fragment, generated, identifier, script, sql, when } from '../postgres/sql';

/**
 * A dump is restored into a database of another name, which gets its own when all is there: whoever uses one that is
 * replaced loses the connection and finds the new one a moment later, and a restore that fails has changed nothing.
 */

/** Beginning with `holdfast_`, which no tenant's database does. */
export const asideOf = ({ operationId }: StepRef): string => `holdfast_restore_${operationId.slice('op_'.length)}`;
const oldOf = (aside: string): string => aside.replace('restore', 'replaced');

const hasDatabase = (name: string): SqlText => sql`SELECT FROM pg_catalog.pg_database WHERE datname = ${name}`;

/** Empty, whatever was in it. @param owner the tenant's role. */
export function createAside(aside: string, owner: string): SqlText {
  return script(
    sql`DROP DATABASE IF EXISTS ${identifier(aside)} WITH (FORCE)`,
    sql`CREATE DATABASE ${identifier(aside)} OWNER ${identifier(owner)} TEMPLATE template0`,
    sql`REVOKE CONNECT, TEMPORARY ON DATABASE ${identifier(aside)} FROM PUBLIC`,
  );
}

export const dropAside = (aside: string): SqlText =>
  script(sql`DROP DATABASE IF EXISTS ${identifier(aside)} WITH (FORCE)`);

/** Repeatable. Without `replace` it fails when somebody has made a database of that name meanwhile. */
export function swapIn(aside: string, name: string, replace: boolean): SqlText {
  const take = when(hasDatabase(aside), sql`ALTER DATABASE ${identifier(aside)} RENAME TO ${identifier(name)}`);
  if (!replace) return script(disconnect(aside), take);
  const old = oldOf(aside);
  const both = sql`${fragment(hasDatabase(aside))} AND EXISTS (${fragment(hasDatabase(name))})`;
  return script(
    when(both, sql`ALTER DATABASE ${identifier(name)} ALLOW_CONNECTIONS false`),
    generated(
      sql`SELECT format('SELECT pg_terminate_backend(%s)', pid) FROM pg_stat_activity
  WHERE datname = ${name} AND EXISTS (${fragment(both)})`,
    ),
    disconnect(aside),
    sql`BEGIN`,
    when(both, sql`ALTER DATABASE ${identifier(name)} RENAME TO ${identifier(old)}`),
    take,
    sql`COMMIT`,
    sql`DROP DATABASE IF EXISTS ${identifier(old)} WITH (FORCE)`,
  );
}

/** What looks after itself there, such as autovacuum, goes by itself. */
const disconnect = (aside: string): SqlText =>
  generated(sql`SELECT format('SELECT pg_terminate_backend(%s)', pid) FROM pg_stat_activity WHERE datname = ${aside}`);
