import type { RestoreWindow } from '../../domain/backups';
import { HoldfastError } from '../../domain/errors';
import type { ClusterView } from '../fleet';
import { TIMEOUT_EXIT_CODE } from '../host/errors';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import { binariesOf, dataDirectory } from '../postgres/paths';
import { runSql, untilTrue } from '../postgres/psql';
import { sql } from '../postgres/sql';
import { ARCHIVE_CONFIG_FILE } from './config';
import type { RepositoryInfo } from './info';

/** How many segments without a commit are looked through, newest first. */
const SEGMENTS = 16;

/*
 * Prints when the last transaction of the archived log was committed. A segment that PostgreSQL still has is read there,
 * another one is fetched from the archive.
 */
const LAST_COMMIT = `set -eu
segment=$1 wal=$2 waldump=$3 config=$4 stanza=$5 left=$6
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
while [ "$left" -gt 0 ]; do
  left=$((left - 1))
  file=$wal/$segment
  if [ ! -e "$file" ]; then
    file=$folder/$segment
    pgbackrest --config="$config" --stanza="$stanza" --no-archive-async archive-get "$segment" "$file" >&2 || exit 0
  fi
  at=$(TZ=UTC "$waldump" --rmgr=Transaction "$file" 2>/dev/null |
    sed -n 's/.*COMMIT.* \\([0-9-]\\{10\\} [0-9:.]*\\) UTC.*/\\1/p' | tail -n 1)
  rm -f -- "$folder/$segment"
  if [ -n "$at" ]; then printf '%sZ\\n' "$at" | tr ' ' T; exit 0; fi
  timeline=\${segment%????????????????} number=$((0x$(expr substr "$segment" 9 8) * 256 + 0x$(expr substr "$segment" 17 8) - 1))
  [ "$number" -gt 0 ] || exit 0
  segment=$(printf '%s%08X%08X' "$timeline" $((number / 256)) $((number % 256)))
done
`;

/**
 * What is known after a look: a store that did not answer takes nothing away, and neither does a log in which no commit was
 * found. What was once archived is there until backups expire, which moves the beginning.
 *
 * @param whole true when every store answered.
 */
export function laterWindow(
  known: RestoreWindow | null,
  measured: RestoreWindow | null,
  whole: boolean,
): RestoreWindow | null {
  if (measured === null) return whole ? null : known;
  const earliest = whole || known === null || measured.earliest < known.earliest ? measured.earliest : known.earliest;
  const commits = [known?.latest ?? null, measured.latest].filter((time) => time !== null && time > earliest);
  const latest = commits.sort().at(-1) ?? null;
  return { earliest, latest };
}

/** How long the archive may take for the segment that is closed. */
const CLOSE_S = 5;

/**
 * Has all that was committed up to now be archived at once, rather than within a minute, and waits a little for it: where a
 * store is away PostgreSQL does not call it archived, though others have it.
 */
export async function closeLog(view: ClusterView, primary: Host): Promise<void> {
  const close = sql`SELECT pg_walfile_name(pg_switch_wal())`;
  const segment = await runSql(view, primary, 'postgres', close, 'close the segment of the log');
  const archived = sql`SELECT coalesce(last_archived_wal >= ${segment}, false) FROM pg_stat_archiver`;
  await untilTrue(view, primary, archived, { title: 'wait for the archive', timeoutS: CLOSE_S }).catch(orTooLate);
}

function orTooLate(error: unknown): void {
  if (!(error instanceof HoldfastError) || error.values['exitCode'] !== TIMEOUT_EXIT_CODE) throw error;
}

/**
 * From the end of the oldest backup to the newest commit in the archive. Only what can be read from a store counts: what
 * the clock says does not.
 *
 * @param primary whose own copy of the log is read where it has it.
 * @returns null while there is no backup.
 */
export async function measureWindow(
  view: ClusterView,
  primary: Host,
  stanza: string,
  repositories: readonly RepositoryInfo[],
): Promise<RestoreWindow | null> {
  const ends = repositories.flatMap(({ sets }) => sets.map(({ finishedAt }) => finishedAt));
  const [earliest] = ends.sort();
  if (earliest === undefined) return null;
  const segment = repositories
    .flatMap(({ lastSegment }) => lastSegment ?? [])
    .sort()
    .at(-1);
  if (segment === undefined) return { earliest, latest: null };
  const { version } = view.cluster.spec;
  const wal = `${dataDirectory(version)}/pg_wal`;
  const values = [segment, wal, `${binariesOf(version)}/pg_waldump`, ARCHIVE_CONFIG_FILE, stanza, SEGMENTS];
  const printed = await primary.run(sh`runuser -u postgres -- sh -c ${LAST_COMMIT} sh ${values}`, {
    title: 'find the last commit in the archive',
  });
  const latest = printed.trim();
  const at = latest === '' ? null : new Date(latest).toISOString();
  // Nothing that was committed since the oldest backup is in the archive yet.
  return { earliest, latest: at !== null && at > earliest ? at : null };
}
