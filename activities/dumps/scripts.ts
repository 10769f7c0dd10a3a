/** What the jobs of dumps do on a data node, as `postgres`. Names travel as arguments and in the environment, never in text. */

/** There is not enough room on the volume. */
export const NO_ROOM = 77;
/** There is no such database (any more). */
export const NO_DATABASE = 78;
/** The store did not give the archive, or gave another one. */
export const NOT_FETCHED = 79;

const TOLD_EVERY_S = 5;

/*
 * `room BYTES` ends the job unless so much fits on the volume beside what PostgreSQL needs: a full one would stop it.
 * `watched COMMAND` ends the command when the volume gets full all the same, and tells what `moved` says: something that
 * changes as long as there is work.
 */
const ROOM = `
free() { df -B1 --output=avail "$volume" | tail -n 1; }
reserve=$(($(df -B1 --output=size "$volume" | tail -n 1) / 20))
full() { echo "ERROR: the volume has $(free) bytes left, of which $reserve stay free; $1"; exit ${NO_ROOM}; }
room() { [ $(($(free) - $1)) -ge $reserve ] || full "about $1 are needed"; }
moved() { echo "$(du -sb "$scratch" | cut -f1) bytes"; }
watched() {
  "$@" </dev/null &
  worker=$!
  (
    told= seconds=0
    while sleep 1 && kill -0 "$worker" 2>/dev/null; do
      [ "$(free)" -gt $((reserve / 2)) ] || { : >"$scratch/full"; kill "$worker"; }
      [ $((seconds % ${TOLD_EVERY_S})) -ne 0 ] || { now=$(moved) && [ "$now" != "$told" ] && echo "$now" && told=$now; }
      seconds=$((seconds + 1))
    done
  ) &
  watcher=$!
  wait "$worker"
  status=$?
  kill "$watcher" 2>/dev/null
  wait "$watcher" 2>/dev/null
  [ ! -e "$scratch/full" ] || full 'the rest does not fit'
  return $status
}
`;

/**
 * Arguments: scratch folder, volume, folder of binaries, folder of the socket, role, jobs, compression, bytes that are
 * needed, `roles` or nothing, the archive program, `named` or `all`, names of databases. Standard input: what `seal` reads.
 * A database that is gone is left out where all were asked for.
 */
export const DUMP = `set -u
umask 077
scratch=$1 volume=$2 binaries=$3 PGHOST=$4 PGUSER=$5 jobs=$6 compress=$7 needed=$8 roles=$9
shift 9
program=$1 asked=$2
shift 2
export PGHOST PGUSER
content=$scratch/content
[ ! -e "$content.sealed" ] || exit 0
rm -rf -- "$scratch"
mkdir -p "$content/databases"
${ROOM}
there() {
  PGDATABASE=postgres "$binaries/psql" -XAtq -v name="$1" <<'SQL' | grep -q 1
SELECT 1 FROM pg_catalog.pg_database WHERE datname = :'name';
SQL
}
room "$needed"
number=0
for name; do
  number=$((number + 1))
  echo "dump of database $number of $#"
  export PGDATABASE="$name"
  watched "$binaries/pg_dump" --format=directory --jobs="$jobs" --compress="$compress" --no-sync --no-password \\
    --lock-wait-timeout=600000 --file="$content/databases/$number" && continue
  there "$name" && exit 1
  [ "$asked" = all ] || { echo 'ERROR: there is no such database'; exit ${NO_DATABASE}; }
  echo "database $number is gone: it is left out"
  rm -rf -- "$content/databases/$number"
done
if [ "$roles" = roles ]; then
  PGDATABASE=postgres "$binaries/pg_dumpall" --roles-only --no-role-passwords --no-password >"$content/roles.all" || exit
  grep -vE '^--|^(CREATE|ALTER) ROLE (postgres|replicator|rewind|pgbouncer|monitor|dumper)[; ]|^GRANT .* TO (pgbouncer|monitor|dumper)[; ]' \\
    "$content/roles.all" >"$content/roles.sql"
  rm "$content/roles.all"
fi
exec python3 -c "$program" seal "$content"
`;

/**
 * Lines of the list that pg_restore makes, for what every database has, or an extension brings. The last word is the owner's name:
 * names can hold blanks, and a schema `public x` is no schema `public`. For `grep -E`.
 */
export const LEFT_OUT =
  '^[0-9]+; [0-9]+ [0-9]+ (SCHEMA - public [^ ]*$|COMMENT - SCHEMA public [^ ]*$|COMMENT - EXTENSION )';

/**
 * Arguments: scratch folder, volume, folder of binaries, folder of the socket, role, jobs, bytes that are needed, the
 * archive program, database to restore into, number of the one in the archive. Standard input: what `fetch` reads.
 * The first error ends it. The folder does not grow any more once all is fetched, nor does the database while an index is sorted
 * or a constraint is checked: what moves then is the time that the server's processes have worked.
 */
export const RESTORE = `set -u
umask 077
scratch=$1 volume=$2 binaries=$3 PGHOST=$4 PGUSER=$5 jobs=$6 needed=$7 program=$8 PGDATABASE=$9
shift 9
from=$scratch/content/databases/$1
export PGHOST PGUSER PGDATABASE
rm -rf -- "$scratch"
mkdir -p "$scratch/content"
${ROOM}
moved() {
  timeout 20 "$binaries/psql" -XAtqw -F ' ' -c "SELECT pg_database_size(current_database()), string_agg(pid::text, ' ')
    FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()" 2>/dev/null | {
    read -r size pids || exit
    for pid in $pids; do cat "/proc/$pid/stat"; done 2>/dev/null |
      awk -v size="$size" '{ ticks += $14 + $15 } END { printf "%s bytes, %d s of work\\n", size, ticks / 100 }'
  }
}
room "$needed"
python3 -c "$program" fetch "$scratch/content" || exit ${NOT_FETCHED}
# Who may what is left out too: roles of the other cluster may not be here.
"$binaries/pg_restore" --list "$from" >"$scratch/list.all" || exit 1
grep -vE '${LEFT_OUT}' "$scratch/list.all" >"$scratch/list"
watched "$binaries/pg_restore" --dbname="$PGDATABASE" --jobs="$jobs" --exit-on-error --no-owner --no-privileges --no-security-labels \\
  --enable-row-security --no-subscriptions --no-tablespaces --no-password --use-list="$scratch/list" "$from" || exit 1
echo 'gather statistics'
watched "$binaries/vacuumdb" --analyze-only --jobs="$jobs" --no-password --quiet 2>/dev/null || :
`;
