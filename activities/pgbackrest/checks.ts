import { z } from 'zod';
import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { DataCheck } from '../../domain/restored';
import type { ClusterView, Fleet } from '../fleet';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import { binariesOf } from '../postgres/paths';
import { runSqlAt, SERVING } from '../postgres/psql';
import { fragment, sql } from '../postgres/sql';
import type { SqlText } from '../postgres/sql';
import type { SetPlace } from '../inventory/backup-tables';
import type { Damage, Depth, Look } from './damage';
import { findDamage } from './damage';
import { checkManifest } from './verify';

/** What every restore looks at in what came back. */

/** What PostgreSQL says of the data that came back; as a superuser, hence the schema of each name. What all databases share has no name. */
const questionsOf = (only: string | null): SqlText => sql`SELECT pg_catalog.json_build_object(
  'checksums', pg_catalog.current_setting('data_checksums'),
  'checksumFailures', (SELECT coalesce(pg_catalog.sum(checksum_failures), 0) FROM pg_catalog.pg_stat_database
    WHERE ${fragment(only === null ? sql`true` : sql`datname IS NULL OR datname = ${only}`)}),
  'databases', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_database WHERE NOT datistemplate),
  'databaseBytes', (SELECT pg_catalog.sum(pg_catalog.pg_database_size(oid)) FROM pg_catalog.pg_database),
  'restoredTo', pg_catalog.pg_last_xact_replay_timestamp()
)`;

const looked = z.object({
  checksums: z.string(),
  checksumFailures: z.coerce.number(),
  databases: z.coerce.number(),
  databaseBytes: z.coerce.number(),
  restoredTo: z.coerce.date().nullable(),
});
export type Looked = z.infer<typeof looked>;

/** What was seen in the data of a server. */
export interface Examined {
  readonly looked: Looked;
  readonly checks: readonly DataCheck[];
}

/** Looks at checksums, rows and damage; changes nothing that lasts. The rows come first: they are read by it. */
export async function examine(
  view: ClusterView,
  host: Host,
  depth: Depth,
  { server = SERVING, only = null }: Look = {},
): Promise<Examined> {
  const rows = await rowsOf(view, host, { server, only });
  const damage = await findDamage(view, host, depth, { server, only });
  const said = await runSqlAt(view, host, server, 'postgres', questionsOf(only), 'look at what came back');
  const seen = looked.parse(JSON.parse(said));
  return { looked: seen, checks: [checksumsOf(seen), rows, damageOf(damage)] };
}

/**
 * As {@link examine}, and writes down what it finds. The set that was read counts as proven then, unless one database alone was
 * looked at.
 * @throws RESTORE_DAMAGED.
 */
export async function requireSound(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  host: Host,
  { read, ...look }: Look & { readonly read: SetPlace | null },
): Promise<void> {
  const { inventory } = fleet;
  const examined = await examine(view, host, 'sample', look);
  const checks = [...examined.checks, ...(read ? await checkManifest(fleet, read) : [])];
  await inventory.operations.recordRestored(at, { checks });
  const wrong = wrongIn(checks);
  if (wrong !== null) throw new HoldfastError('RESTORE_DAMAGED', { host: host.label, detail: wrong });
  if (read && (look.only ?? null) === null) await inventory.backups.markVerified(at, read);
  await inventory.operations.recordProgress(at.operationId, at.stepId, seenIn(checks));
}

/** What was seen, each with what it was seen of. */
export const seenIn = (checks: readonly DataCheck[]): string =>
  checks.map(({ name, detail }) => `${name}: ${detail}`).join('; ');

/** What did not pass, null when all did. */
export function wrongIn(checks: readonly DataCheck[]): string | null {
  const wrong = checks.filter(({ passed }) => !passed);
  return wrong.length === 0 ? null : seenIn(wrong);
}

/** Of the pages that were read up to now. */
function checksumsOf({ checksums, checksumFailures }: Looked): DataCheck {
  const passed = checksums === 'on' && checksumFailures === 0;
  return { name: 'data checksums', passed, detail: `they are ${checksums}, ${checksumFailures} failures` };
}

function damageOf({ found, readAll }: Damage): DataCheck {
  const read = readAll ? '' : ' in what it came to read';
  const detail = found === null ? `pg_amcheck found no damage${read}` : found.slice(-500);
  return { name: 'tables and indexes', passed: found === null, detail };
}

/** Of each database so many tables are counted row by row, the smallest, up to this size. */
const COUNTED = 20;
const COUNTED_BYTES = 8 * 1024 ** 2;
const ROWS_S = 300;

/*
 * Of every database, or the one that counts, a line `tables`: how many there are, about how many rows by the statistics that came
 * back with them, and of how many of them nobody ever took any. Then a line `counted` for each small table, with its rows. A table
 * that a prepared transaction holds is left out.
 */
export const ROWS = `set -u
binaries=$1 socket=$2 most=$4 bytes=$5 only=$6
export PGPORT=$3
# A superuser works in databases of tenants: what they made must not be found in the place of PostgreSQL's own.
export PGOPTIONS='-c search_path=pg_catalog -c client_min_messages=error -c lock_timeout=1s'
ask() { PGDATABASE=$1 "$binaries/psql" -XAtq -v VERBOSITY=verbose -v most="$most" -v bytes="$bytes" -h "$socket" 2>&1; }
tell() { ask "$1" <<'SQL'
SELECT 'tables', count(*), coalesce(sum(greatest(reltuples, 0)), 0)::bigint, count(*) FILTER (WHERE reltuples < 0)
  FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
 WHERE relkind = 'r' AND nspname !~ '^pg_' AND nspname <> 'information_schema';
SELECT format('SELECT ''counted'', count(*) FROM ONLY %I.%I', nspname, relname)
  FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
 WHERE relkind = 'r' AND nspname !~ '^pg_' AND nspname <> 'information_schema' AND pg_relation_size(pg_class.oid) <= :bytes
 ORDER BY pg_relation_size(pg_class.oid), pg_class.oid LIMIT :most \\gexec
SQL
}
[ -z "$only" ] || { tell "$only"; exit; }
all=$(echo 'SELECT datname FROM pg_catalog.pg_database WHERE datallowconn ORDER BY 1' | ask postgres) || exit 1
printf '%s\\n' "$all" | while IFS= read -r database; do tell "$database" || exit; done
`;

/** How much is there, for people to see whether it is what they expect: nothing tells how much it should be. */
async function rowsOf(
  { cluster }: ClusterView,
  host: Host,
  { server: { socket, port }, only }: Required<Look>,
): Promise<DataCheck> {
  const values = [binariesOf(cluster.spec.version), socket, port, COUNTED, COUNTED_BYTES, only ?? ''];
  const said = await host.run(sh`runuser -u postgres -- sh -c ${ROWS} sh ${values}`, {
    title: 'count tables and rows',
    timeoutMs: ROWS_S * 1000,
  });
  // PostgreSQL's class of errors for what is damaged, such as `XX001: invalid page in block 0`.
  const [, damage] = /^(?:psql:\S+ )?(?:ERROR|PANIC): +(XX\w{3}: .*)$/m.exec(said) ?? [];
  return { name: 'tables and rows', passed: damage === undefined, detail: damage ?? rowsInWords(said) };
}

/** @param said what {@link ROWS} prints. */
export function rowsInWords(said: string): string {
  const lines = said.split('\n').map((line) => line.split('|'));
  const sumOf = (kind: string, column: number): number =>
    lines.filter(([first]) => first === kind).reduce((sum, line) => sum + Number(line[column] ?? 0), 0);
  const counted = lines.filter(([first]) => first === 'counted').length;
  const unknown = sumOf('tables', 3);
  const never = unknown === 0 ? '' : ` (${unknown} never analyzed)`;
  const exact = counted === 0 ? '' : `; the ${counted} smallest counted: ${sumOf('counted', 1)} rows`;
  return `tables: ${sumOf('tables', 1)}${never}; rows: about ${sumOf('tables', 2)} by the statistics${exact}`;
}
