import { HoldfastError } from '../../domain/errors';
import type { ClusterView } from '../fleet';
import { processesOn } from '../fleet';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import { binariesOf } from '../postgres/paths';
import { SERVING } from '../postgres/psql';
import type { Socket } from '../postgres/psql';

/**
 * For how long tables and indexes are read, and by what part of the processes that a node has for a job. A sample is read while
 * somebody waits for the cluster, beside its first backup; in a drill nobody waits.
 */
const DEPTHS = { sample: { limitS: 5, share: 0.5 }, thorough: { limitS: 300, share: 1 } } as const;
export type Depth = keyof typeof DEPTHS;

/** What is looked at. */
export interface Look {
  /** Default: {@link SERVING}. */
  readonly server?: Socket;
  /** The one database that counts: others may not have come back. Default: null, which is every one. */
  readonly only?: string | null;
}

export interface Damage {
  /** What is damaged, in pg_amcheck's words; null when it found nothing. */
  readonly found: string | null;
  /** It came to an end in its time. */
  readonly readAll: boolean;
}

/**
 * Reads tables and indexes for damage (pg_amcheck): the catalogs first, then as many others as it gets to. Changes nothing that
 * lasts.
 */
export async function findDamage(
  view: ClusterView,
  host: Host,
  depth: Depth,
  { server: { socket, port } = SERVING, only = null }: Look = {},
): Promise<Damage> {
  const { limitS, share } = DEPTHS[depth];
  const jobs = Math.floor(processesOn(view) * share);
  const places = [binariesOf(view.cluster.spec.version), socket, port];
  const values = [...places, limitS, ONLY_FOR_THE_CHECK, jobs, ...namesFor(only)];
  try {
    const said = await host.run(sh`runuser -u postgres -- sh -c ${CHECK} sh ${values}`, {
      title: 'check the data',
      // One that a worker began which is gone comes to its end before.
      timeoutMs: 2 * (CATALOGS_S + limitS + 60) * 1000,
    });
    return { found: null, readAll: !said.endsWith(`${CUT_OFF}\n`) };
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.values['exitCode'] !== DAMAGED) throw error;
    return { found: String(error.values['output']).trim(), readAll: false };
  }
}

/** The last arguments of {@link CHECK}. A name that has `=` in it would be taken for a connection string: it is always one. */
export const namesFor = (only: string | null): string[] =>
  only === null ? ['', '--all'] : [only, `dbname='${only.replaceAll(/[\\']/g, String.raw`\$&`)}'`];

/** The catalogs of many databases take a while. */
const CATALOGS_S = 300;
const CUT_OFF = 'cut off';

/** Says of the extension that it is there for the check only: nobody but a superuser can write that. */
const ONLY_FOR_THE_CHECK = 'by Holdfast, to look for damage; taken away afterwards';

/* pg_amcheck's own word for damage. */
const DAMAGED = 2;

/*
 * What is larger than can be read in that time is read in part. The extension stays only where it was there before: one of
 * a check that was cut off is known by its comment.
 */
export const CHECK = `set -u
binaries=$1 socket=$2 limit=$4 mark=$5 jobs=$6 only=$7 which=$8
export PGPORT=$3
# A superuser works in databases of tenants: what they made must not be found in the place of PostgreSQL's own.
# Nobody waits for replicas here: a new cluster may have none yet. A server process ends when whom it works for is gone.
export PGOPTIONS='-c search_path=pg_catalog -c client_min_messages=error -c synchronous_commit=local -c client_connection_check_interval=1000'
# Of two at a time the first would take the extension away that the other uses.
exec 8>"/tmp/holdfast-check-$3.lock"
flock 8
sql() { PGDATABASE=$1 "$binaries/psql" -XAtqv ON_ERROR_STOP=1 -v mark="$mark" -h "$socket"; }
databases() { echo 'SELECT datname FROM pg_catalog.pg_database WHERE datallowconn ORDER BY 1' | sql postgres; }
install() { sql "$1" <<'SQL'
BEGIN;
CREATE EXTENSION amcheck WITH SCHEMA pg_catalog;
COMMENT ON EXTENSION amcheck IS :'mark';
COMMIT;
SQL
}
is_there() { [ "$(echo "SELECT pg_catalog.count(*) FROM pg_catalog.pg_extension WHERE extname = 'amcheck'" | sql "$1")" != 0 ]; }
remove() { sql "$1" <<'SQL'
SELECT 'DROP EXTENSION IF EXISTS amcheck' FROM pg_catalog.pg_extension
 WHERE extname = 'amcheck' AND pg_catalog.obj_description(oid, 'pg_extension') = :'mark' \\gexec
SQL
}
all=$([ -n "$only" ] || databases) || exit 1
each() {
  [ -z "$only" ] || { "$@" "$only"; return; }
  printf '%s\\n' "$all" | while IFS= read -r database; do "$@" "$database" || exit 1; done
}
prepare() { is_there "$1" || install "$1"; }
each prepare || exit 1
# look SECONDS PART: what was found before the time was over counts.
look() {
  said=$(timeout "$1" stdbuf -oL "$binaries/pg_amcheck" --host "$socket" --no-dependent-toast --jobs "$jobs" "$2" "$which" 2>&1)
  status=$?
  [ -z "$said" ] || printf '%s\\n' "$said"
  [ "$status" != 124 ] || ! printf '%s\\n' "$said" | grep -qE '^[a-z]+ (table|index) ' || status=${DAMAGED}
  case $status in
  0) ;;
  124) cut_off=yes ;;
  *) [ "$worst" = ${DAMAGED} ] || worst=$status ;;
  esac
}
worst=0 cut_off=
look ${CATALOGS_S} --schema=pg_catalog
look "$limit" --exclude-schema=pg_catalog
each remove || exit 1
[ -z "$cut_off" ] || echo '${CUT_OFF}'
exit "$worst"
`;
