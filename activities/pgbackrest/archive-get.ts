import { sh } from '../host/shell';
import type { ShellCommand } from '../host/shell';
import { pgbackrest } from './commands';
import { SPOOL } from './config';

/** PostgreSQL's restore_command: while it serves, and while a restore replays the log. */

/** While it serves: nobody waits long for a store. */
export const ARCHIVE_FETCH_FILE = '/etc/pgbackrest/archive-fetch.sh';

/** As old as the last trouble with a store. */
export const IN_TROUBLE_FILE = `${SPOOL}/in-trouble`;

/** Seconds. pgBackRest waits twice so long for a store that does not answer. */
const ANSWER_S = 2;
const SEGMENT_S = 10;
const LET_ALONE_S = 30;

/**
 * Who becomes the primary asks several times for what may be in the archive, and nobody can write before all of it was answered: with
 * two stores away pgBackRest's own patience took more than five minutes of that. What was acknowledged is on the node itself, or comes
 * from the primary, so that any trouble may be taken for "not there"; after one of them the stores are let alone for a while.
 */
export const ARCHIVE_FETCH_SCRIPT = `# Fetches file $1 of the log to $2, from where pgBackRest's arguments that follow say, or gives up soon.
file=$1 to=$2 mark=${IN_TROUBLE_FILE}
shift 2
[ -z "$(find "$mark" -newermt '-${LET_ALONE_S} seconds' ! -newermt now 2>/dev/null)" ] || exit 75
pgbackrest "$@" --io-timeout=${ANSWER_S} --archive-timeout=${SEGMENT_S} archive-get "$file" "$to"
status=$?
case $status in 0 | 1 | 25 | 63) ;; *) touch "$mark" ;; esac
exit "$status"
`;

/** PostgreSQL puts in `%f` and `%p`. */
export const promptArchiveGet = (config: string, stanza: string): ShellCommand =>
  sh`sh ${ARCHIVE_FETCH_FILE} %f "%p" ${pgbackrest(config, stanza).slice(1)}`;

/** While a restore replays the log: a store that fails for a moment does not end it. */
export const ARCHIVE_GET_FILE = '/etc/pgbackrest/archive-get.sh';

/** What it says when it gives up, before the name of the segment. To be found in PostgreSQL's log. */
export const LOST = 'holdfast: could not fetch';

/** A store that hangs is waited for twelve seconds each time. */
const TRIES = 6;
const PAUSE_S = 2;

/**
 * To PostgreSQL any failure is the end of the log, from where on it serves. That is what it means when no store has the segment
 * (1); anything else is trouble, and tried again, unless pgBackRest was told to end (63). It is not always a store's: of two calls that
 * come together, one that gets the lock of the first repository only fails with 25, an assertion (2.60, seen on a busy machine).
 */
export const ARCHIVE_GET_SCRIPT = `# Fetches file $1 of the log to $2, from where pgBackRest's arguments that follow say. Exits with 1 when it is not there.
file=$1 to=$2 left=${TRIES}
shift 2
while :; do
  pgbackrest "$@" archive-get "$file" "$to"
  status=$?
  case $status in 0 | 1 | 63) exit "$status" ;; esac
  left=$((left - 1))
  [ "$left" -gt 0 ] || break
  sleep ${PAUSE_S}
done
echo "${LOST} $file" >&2
exit "$status"
`;

/** @param options of pgBackRest besides. PostgreSQL puts in `%f` and `%p`. */
export const patientArchiveGet = (config: string, stanza: string, ...options: readonly string[]): ShellCommand =>
  sh`sh ${ARCHIVE_GET_FILE} %f "%p" ${pgbackrest(config, stanza, ...options).slice(1)}`;
