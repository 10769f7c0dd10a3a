import type { StepRef } from '../../domain/clusters';
import type { ClusterView, Fleet } from '../fleet';
import { fencedHostOf } from '../fleet';
import { SYSTEM_ROLES } from '../patroni/hba';
import { findPrimary, runSql } from '../postgres/psql';
import { fragment, generated, identifier, script, sql, unless } from '../postgres/sql';
import type { SqlText } from '../postgres/sql';

/**
 * The role that dumps are taken as: it reads everything and is no superuser, so that nothing a tenant has made can become
 * one through it. It has no password, and logs in on the host itself only (pg_hba.conf).
 */

const { dumper } = SYSTEM_ROLES;

/** Databases of tenants: Holdfast's own, templates and those that are about to become one are left out. */
export const IS_TENANTS = sql`datallowconn AND NOT datistemplate AND datname <> 'postgres' AND NOT starts_with(datname, 'holdfast_')`;

/** Repeatable. A setting of the role lets it read large objects, which pg_read_all_data does not. */
export function dumperScript(): SqlText {
  const role = identifier(dumper);
  return script(
    unless(sql`SELECT FROM pg_catalog.pg_roles WHERE rolname = ${dumper}`, sql`CREATE ROLE ${role}`),
    sql`ALTER ROLE ${role} LOGIN BYPASSRLS NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION`,
    sql`ALTER ROLE ${role} SET lo_compat_privileges = on`,
    sql`ALTER ROLE ${role} SET default_transaction_read_only = on`,
    sql`GRANT pg_read_all_data TO ${role}`,
    sql`GRANT CONNECT ON DATABASE postgres TO ${role}`,
    grantConnect(),
  );
}

/** On each database of tenants that it can't enter yet. */
const grantConnect = (): SqlText =>
  generated(sql`
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', datname, ${dumper}) FROM pg_catalog.pg_database
 WHERE ${fragment(IS_TENANTS)} AND NOT has_database_privilege(${dumper}, datname, 'CONNECT')`);

/** True once the role, and what it may, have come to the node. */
export const CAN_DUMP = sql`
SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ${dumper}) AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_database
   WHERE ${fragment(IS_TENANTS)} AND NOT has_database_privilege(${dumper}, datname, 'CONNECT'))`;

/** The same on a replica, which also has to have all that was there: else databases and rows would be missing. */
export const canDumpAsOf = (lsn: string): SqlText =>
  sql`SELECT (${fragment(CAN_DUMP)}) AND pg_last_wal_replay_lsn() >= ${lsn}::pg_lsn`;

/** See {@link DumpActivities.prepareDumper}. */
export async function prepareDumper(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  const primary = fencedHostOf(fleet, at, view, await findPrimary(fleet, view));
  await runSql(view, primary, 'postgres', dumperScript(), 'prepare the role that dumps');
}
