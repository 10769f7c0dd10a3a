import type { RestoreGap, RestoreWindow } from '../../domain/backups';
import { HoldfastError } from '../../domain/errors';
import { plainLsn } from '../../domain/restore-targets';
import { beginOfSegment, mainLine, missingIn, numberOfLsn, segmentNumber } from '../../domain/wal-segments';
import type { ClusterView } from '../fleet';
import { TIMEOUT_EXIT_CODE } from '../host/errors';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import type { FoundSet } from '../inventory/backup-tables';
import { binariesOf, dataDirectory } from '../postgres/paths';
import { runSql, untilTrue } from '../postgres/psql';
import { sql } from '../postgres/sql';
import { ARCHIVE_CONFIG_FILE } from './config';

/** How many segments without a commit are looked through, newest first. */
const SEGMENTS = 16;

/*
 * Prints where the last record of a segment begins, and where and when the last transaction up to its end was committed. A segment
 * that PostgreSQL still has is read there, another one is fetched from the archive.
 */
const LAST_COMMIT = `set -eu
segment=$1 wal=$2 waldump=$3 config=$4 stanza=$5 repo=$6 left=$7 told=
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
while [ "$left" -gt 0 ]; do
  left=$((left - 1))
  file=$wal/$segment
  if [ ! -e "$file" ]; then
    file=$folder/$segment
    pgbackrest --config="$config" --stanza="$stanza" \${repo:+--repo="$repo"} --no-archive-async archive-get "$segment" "$file" >&2 || exit 0
  fi
  if [ -z "$told" ]; then
    "$waldump" "$file" 2>/dev/null | tail -n 1 | sed -n 's/.* lsn: \\([0-9A-F]*\\)\\/\\([0-9A-F]*\\),.*/lsn \\1\\/\\2/p'
    told=1
  fi
  last=$(TZ=UTC "$waldump" --rmgr=Transaction "$file" 2>/dev/null |
    sed -n 's/.* lsn: \\([0-9A-F]*\\/[0-9A-F]*\\),.*COMMIT.* \\([0-9-]\\{10\\}\\) \\([0-9:.]*\\) UTC.*/commit \\1\\nat \\2T\\3Z/p' | tail -n 2)
  rm -f -- "$folder/$segment"
  if [ -n "$last" ]; then printf '%s\\n' "$last"; exit 0; fi
  timeline=\${segment%????????????????} number=$((0x$(expr substr "$segment" 9 8) * 256 + 0x$(expr substr "$segment" 17 8) - 1))
  [ "$number" -gt 0 ] || exit 0
  segment=$(printf '%s%08X%08X' "$timeline" $((number / 256)) $((number % 256)))
done
`;

/** What a look at hosts and stores gives. */
export interface Measured extends RestoreWindow {
  /** The log is broken before its end, and no backup was taken since: it ends earlier than it once did. */
  readonly isCut: boolean;
}

/**
 * What is known after a look: a store that did not answer takes nothing away, and neither does a log in which no commit was
 * found. What was once archived is there until backups expire, which moves the beginning, or until a segment is lost.
 *
 * @param whole true when every store answered.
 */
export function laterWindow(
  known: RestoreWindow | null,
  measured: Measured | null,
  whole: boolean,
): RestoreWindow | null {
  if (measured === null) return whole ? null : known;
  const { isCut, ...seen } = measured;
  if (whole && isCut) return seen;
  const { gaps: knownGaps, lastLsn: knownLsn } = known ?? {};
  const earliest = whole || known === null || seen.earliest < known.earliest ? seen.earliest : known.earliest;
  const commits = [known?.latest ?? null, seen.latest].filter((time) => time !== null && time > earliest);
  const latest = commits.sort().at(-1) ?? null;
  const lastLsn = seen.lastLsn ?? knownLsn;
  // With a store away nobody knows what that one has of what the others lack.
  const gaps = whole ? seen.gaps : knownGaps;
  return { earliest, latest, ...(lastLsn !== undefined && { lastLsn }), ...(gaps && { gaps }) };
}

/** How long the archive may take for the segment that is closed. */
const CLOSE_S = 5;

/**
 * Gives the segment that holds the last byte of the log. Of a position between two, which is where a log ends that was closed before, newer
 * versions of PostgreSQL name the next segment, which nobody has written yet.
 */
export const CLOSE_SEGMENT = sql`SELECT pg_walfile_name(pg_switch_wal() - 1)`;

/**
 * Has all that was committed up to now be archived at once, rather than within a minute, and waits a little for it: where a
 * store is away PostgreSQL does not call it archived, though others have it.
 */
export async function closeLog(view: ClusterView, primary: Host, timeoutS = CLOSE_S): Promise<boolean> {
  const segment = await runSql(view, primary, 'postgres', CLOSE_SEGMENT, 'close the segment of the log');
  const archived = sql`SELECT coalesce(last_archived_wal >= ${segment}, false) FROM pg_stat_archiver`;
  const options = { title: 'wait for the archive', timeoutS };
  return untilTrue(view, primary, archived, options).then(() => true, orTooLate);
}

function orTooLate(error: unknown): false {
  if (!(error instanceof HoldfastError) || error.values['exitCode'] !== TIMEOUT_EXIT_CODE) throw error;
  return false;
}

/** What one store has of a lineage. */
export interface StoreContent {
  /** Its number in pgBackRest's configuration, which begins with 1. */
  readonly repository: number;
  readonly sets: readonly Pick<FoundSet, 'startedAt' | 'finishedAt' | 'startLsn' | 'stopLsn' | 'damaged'>[];
  /** Names, in any order. */
  readonly segments: readonly string[];
}

/** Reads a segment of a repository, and those before it, for the last commit in them. */
type ReadEnd = (
  segment: string,
  repository: number,
) => Promise<{ readonly at: string | null; readonly lsn: string | null }>;

/**
 * From the end of the oldest backup to the newest commit in the archive, with what is missing in between. Only what can be
 * read from a store counts: what the clock says does not, and neither does a damaged backup, nor one of whose own log a
 * segment is missing.
 *
 * @returns null while there is no backup.
 */
export async function measureWindow(stores: readonly StoreContent[], readEnd: ReadEnd): Promise<Measured | null> {
  const sets = stores.flatMap((store) => store.sets).filter(({ damaged }) => !damaged);
  const line = mainLine(stores.flatMap(({ segments }) => segments));
  const firstNumber = Math.min(...sets.map(({ startLsn }) => numberOfLsn(startLsn)));
  const holes = missingIn(line, firstNumber).map(({ before, after }) => ({
    before,
    first: before === null ? firstNumber : segmentNumber(before) + 1,
    next: segmentNumber(after),
  }));
  const isWhole = ({ startLsn, stopLsn }: (typeof sets)[number]): boolean =>
    holes.every(({ first, next }) => numberOfLsn(stopLsn) < first || numberOfLsn(startLsn) >= next);
  const usable = sets.filter(isWhole).sort((a, b) => (a.finishedAt < b.finishedAt ? -1 : 1));
  const [oldest] = usable;
  if (!oldest) return null;
  const endAt = (segment: string): ReturnType<ReadEnd> => readIn(stores, segment, readEnd);
  const gaps: RestoreGap[] = [];
  for (const { before, first, next } of holes.filter((hole) => hole.first > numberOfLsn(oldest.stopLsn))) {
    const end = await endAt(before ?? '');
    const following = usable.find(({ startLsn }) => numberOfLsn(startLsn) >= next);
    const from = laterOf(end.at, newestBefore(usable, first));
    if (!following)
      return { earliest: oldest.finishedAt, latest: from, isCut: true, ...lsnOf(end.lsn), ...gapsOf(gaps) };
    // Several holes without a backup in between are one gap.
    if (gaps.at(-1)?.to !== following.finishedAt)
      gaps.push({ from, to: following.finishedAt, fromLsn: beginOfSegment(first), toLsn: following.stopLsn });
  }
  const last = line.at(-1);
  const { at, lsn } = last === undefined ? { at: null, lsn: null } : await endAt(last);
  // Nothing that was committed since the oldest backup is in the archive yet.
  const latest = at !== null && at > oldest.finishedAt ? at : null;
  return { earliest: oldest.finishedAt, latest, isCut: false, ...lsnOf(lsn), ...gapsOf(gaps) };
}

/** From a store that has it: pgBackRest would ask the others too, and wait for one that is away. */
async function readIn(stores: readonly StoreContent[], segment: string, readEnd: ReadEnd): ReturnType<ReadEnd> {
  const store = stores.find(({ segments }) => segments.includes(segment));
  return store ? readEnd(segment, store.repository) : { at: null, lsn: null };
}

const lsnOf = (lsn: string | null): Pick<RestoreWindow, 'lastLsn'> => (lsn === null ? {} : { lastLsn: lsn });
const gapsOf = (gaps: readonly RestoreGap[]): Pick<RestoreWindow, 'gaps'> => (gaps.length === 0 ? {} : { gaps });
const laterOf = (at: string | null, other: string): string => (at !== null && at > other ? at : other);

/** The end of the last backup whose log comes before a segment. */
function newestBefore(sets: readonly Pick<FoundSet, 'finishedAt' | 'stopLsn'>[], segment: number): string {
  return sets.findLast(({ stopLsn }) => numberOfLsn(stopLsn) < segment)?.finishedAt ?? '';
}

/** @param primary whose own copy of the log is read where it has it. */
export function endReader(view: ClusterView, primary: Host, stanza: string): ReadEnd {
  const data = dataDirectory(view.cluster.spec.version);
  return (segment, repository) => endOfLog(view, primary, stanza, { segment, repository, data });
}

interface EndOfLog {
  /** When the last commit was, null when none is near, and where its record begins. */
  readonly at: string | null;
  readonly commitLsn: string | null;
  /** Where the last record begins. */
  readonly lsn: string | null;
}

/**
 * How the log ends with a segment.
 *
 * @param data a data directory that may have it. @param repository else: the only one that is asked. Default: any.
 */
export async function endOfLog(
  { cluster }: ClusterView,
  host: Host,
  stanza: string,
  { segment, repository, data }: { readonly segment: string; readonly repository?: number; readonly data: string },
): Promise<EndOfLog> {
  const waldump = `${binariesOf(cluster.spec.version)}/pg_waldump`;
  const values = [segment, `${data}/pg_wal`, waldump, ARCHIVE_CONFIG_FILE, stanza, repository ?? '', SEGMENTS];
  const printed = await host.run(sh`runuser -u postgres -- sh -c ${LAST_COMMIT} sh ${values}`, {
    title: 'find the last commit in the archive',
  });
  const [, lsn = null] = /^lsn (\S+)$/m.exec(printed) ?? [];
  const [, at = null] = /^at (\S+)$/m.exec(printed) ?? [];
  const [, commitLsn = null] = /^commit (\S+)$/m.exec(printed) ?? [];
  const plain = (position: string | null): string | null => position && plainLsn(position);
  return { at: at === null ? null : new Date(at).toISOString(), commitLsn: plain(commitLsn), lsn: plain(lsn) };
}
