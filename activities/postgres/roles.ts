import type { ClusterSpec } from '../../domain/clusters';
import { SYSTEM_ROLES } from '../patroni/hba';
import { identifier, script, sql, unless } from './sql';
import type { SqlText } from './sql';

/** Schema of Holdfast's own in database `postgres`, which tenants can't enter. */
export const POOLER_QUERY = 'SELECT username, password FROM holdfast.user_lookup($1)';

export interface Verifiers {
  /** SCRAM verifiers, never passwords: what the server stores anyway. */
  readonly pooler: string;
  readonly owner: string;
}

/**
 * Roles, the first database and what PgBouncer needs. Repeatable.
 * `synchronous_commit = local`: no replica may be there yet; the proof at the end of the provision waits for the quorum,
 * and WAL is in order, so all of this is in the quorum then too.
 */
export function firstDatabaseScript(spec: ClusterSpec, verifiers: Verifiers): SqlText {
  const { superuser, pooler, monitor, rewind } = SYSTEM_ROLES;
  return script(
    sql`SET synchronous_commit = local`,
    // Where the volume is nearly full, transactions are read-only: those of tenants, not those of Holdfast itself.
    sql`ALTER ROLE ${identifier(superuser)} SET default_transaction_read_only = off`,
    systemRole(pooler),
    password(pooler, verifiers.pooler),
    systemRole(monitor),
    sql`GRANT pg_monitor TO ${identifier(monitor)}`,
    tenantRole(spec.owner),
    password(spec.owner, verifiers.owner),
    ownDatabase(spec),
    sql`REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC`,
    sql`GRANT CONNECT ON DATABASE postgres TO ${identifier(pooler)}, ${identifier(monitor)}, ${identifier(rewind)}`,
    sql`CREATE SCHEMA IF NOT EXISTS holdfast`,
    USER_LOOKUP,
    sql`REVOKE ALL ON FUNCTION holdfast.user_lookup(text) FROM PUBLIC`,
    sql`GRANT USAGE ON SCHEMA holdfast TO ${identifier(pooler)}`,
    sql`GRANT EXECUTE ON FUNCTION holdfast.user_lookup(text) TO ${identifier(pooler)}`,
  );
}

/**
 * What PgBouncer may read: verifiers of roles that log in and are no superusers. No row for any other, nor for one without a
 * password: to a row of nulls PgBouncer answers "bouncer config error".
 */
const USER_LOOKUP = sql`
CREATE OR REPLACE FUNCTION holdfast.user_lookup(wanted text) RETURNS TABLE (username text, password text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
  AS $$ SELECT rolname::text, rolpassword FROM pg_catalog.pg_authid
        WHERE rolname = wanted AND rolcanlogin AND NOT rolsuper AND NOT rolreplication
          AND rolpassword IS NOT NULL $$`;

function systemRole(name: string): SqlText {
  return script(ensureRole(name), sql`ALTER ROLE ${identifier(name)} LOGIN`);
}

function tenantRole(name: string): SqlText {
  return script(
    ensureRole(name),
    sql`ALTER ROLE ${identifier(name)} LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION NOBYPASSRLS`,
  );
}

function ensureRole(name: string): SqlText {
  return unless(sql`SELECT FROM pg_catalog.pg_roles WHERE rolname = ${name}`, sql`CREATE ROLE ${identifier(name)}`);
}

function password(name: string, verifier: string): SqlText {
  return sql`ALTER ROLE ${identifier(name)} PASSWORD ${verifier}`;
}

/** Of roles of Holdfast's own that Patroni makes: they exist. */
export function systemPasswords(verifiers: readonly (readonly [role: string, verifier: string])[]): SqlText {
  return script(sql`SET synchronous_commit = local`, ...verifiers.map(([role, verifier]) => password(role, verifier)));
}

function ownDatabase({ database, owner }: ClusterSpec): SqlText {
  const create = unless(
    sql`SELECT FROM pg_catalog.pg_database WHERE datname = ${database}`,
    sql`CREATE DATABASE ${identifier(database)} OWNER ${identifier(owner)}`,
  );
  return script(create, sql`REVOKE CONNECT, TEMPORARY ON DATABASE ${identifier(database)} FROM PUBLIC`);
}
