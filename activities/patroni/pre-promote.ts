import type { Major } from '../../domain/clusters';
import { sh } from '../host/shell';
import type { ShellCommand } from '../host/shell';
import { binariesOf, dataDirectory, SOCKET_FOLDER } from '../postgres/paths';
import { sql } from '../postgres/sql';

/** How much of the log came from the primary, in segments that are whole. Null where nothing came, since PostgreSQL was started. */
const RECEIVED = sql`SELECT div(pg_wal_lsn_diff(greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0'),
  pg_size_bytes(current_setting('wal_segment_size')))`;

/** An answer takes milliseconds. Nobody waits longer for a primary because of it. */
const PATIENCE_S = 3;

/*
 * A segment gets its mark when the next one begins: the last one that is whole may have none, and what PostgreSQL has made in
 * advance has none either. Only what is behind the received log is left alone.
 */
const SCRIPT = `query=$1 binaries=$2 socket=$3 patience=$4
cd "$0/pg_wal/archive_status" || exit 0
newest=$(ls .. | grep -xE '[0-9A-F]{24}' | sort | tail -n 1 | cut -c 1-8)
received=$(timeout "$patience" "$binaries/psql" -XAtq -h "$socket" -d postgres -c "$query" 2>/dev/null) || received=
is_whole() { [ $((0x$(expr substr "$1" 9 8) * 256 + 0x$(expr substr "$1" 17 8))) -lt "\${received:-0}" ]; }
for file in ../"$newest"*; do
  segment=\${file#../}
  case $segment in *[!0-9A-F]*) continue ;; esac
  [ "\${#segment}" -eq 24 ] && [ ! -e "$segment.ready" ] || continue
  # It waits from now on.
  if [ -e "$segment.done" ]; then mv -- "$segment.done" "$segment.ready" && touch -- "$segment.ready"
  elif is_whole "$segment"; then : >"$segment.ready"; fi
done
exit 0`;

/**
 * What a lost primary had not archived is nowhere but on its replicas, and these take it for archived, or for not yet whole. Whoever is
 * about to be the primary has what it received since its last checkpoint archived once more: what the archive has is told by
 * its checksum, and left alone. Only of the log that was written last: the end of an older one is a segment that is half of it,
 * and what was whole was archived when that ended. It never keeps a replica from being promoted.
 */
export function archiveWhatWasReceived(version: Major): ShellCommand {
  const values = [RECEIVED, binariesOf(version), SOCKET_FOLDER, PATIENCE_S];
  return sh`sh -c ${SCRIPT} ${dataDirectory(version)} ${values}`;
}
