import { z } from 'zod';
import type { Archiving } from '../../domain/archiving';
import type { Commit } from '../../domain/backups';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, hostOf } from '../fleet';
import { sh } from '../host/shell';
import type { WatchedCluster } from '../inventory/archiving-table';
import { GIVEN_UP_MARK } from '../pgbackrest/archive-push';
import { pushSpool } from '../pgbackrest/config';
import { binariesOf, DATA_FOLDER, dataDirectory, SOCKET_FOLDER } from '../postgres/paths';
import { sql } from '../postgres/sql';

/** What a primary says of its archive, in one short command. */
export interface Probe {
  /** The node that is the primary. */
  readonly node: NodeName;
  readonly figures: Archiving;
  /** Name of the newest segment that PostgreSQL calls archived. Null: what is archived last is none. */
  readonly segment: string | null;
  /** The last commit in that segment. Null: there is none, or it was read before. */
  readonly newestCommit: Commit | null;
  /** When log was last given up on this node. Null: never. */
  readonly gaveUpAt: string | null;
}

/** What was seen last: it spares the primary a look, and fills in what does not show at every moment. */
export interface Seen {
  readonly node: NodeName | null;
  readonly segment: string | null;
  readonly lagMs: number | null;
  /** pgBackRest takes it away while it tries again. */
  readonly lastError: string | null;
}

/** Nobody waits for the answer: a host that is slow is asked again soon. */
const TIMEOUT_MS = 8_000;
const CONNECT_MS = 3_000;
const LONGEST_ERROR = 500;

const FACTS = sql`SELECT json_build_object(
  'now', clock_timestamp(), 'segment', last_archived_wal, 'archivedAt', last_archived_time,
  'waitingBytes', waiting.segments * pg_size_bytes(current_setting('wal_segment_size')), 'waitingSince', waiting.since,
  'gaveUpAt', (SELECT modification FROM pg_ls_archive_statusdir() WHERE name = ${GIVEN_UP_MARK}))
  FROM pg_stat_archiver, (SELECT count(*) AS segments, min(modification) AS since
    FROM pg_ls_archive_statusdir() WHERE name ~ '^[0-9A-F]{24}[.]ready$') AS waiting
 WHERE NOT pg_is_in_recovery()`;

/*
 * Prints nothing where no primary runs. Else what PostgreSQL knows; the volume; the first and the last commit of the newest segment
 * that was archived, unless that was known before; what pgBackRest says of the oldest that each site does not have.
 */
const PROBE = `set -eu
facts=$1 binaries=$2 socket=$3 data=$4 volume=$5 known=$6
shift 6
told=$("$binaries/psql" -XAtq -h "$socket" -d postgres -c "$facts" 2>/dev/null) || exit 0
[ -n "$told" ] || exit 0
printf '%s\\n' "$told"
df -B1 --output=size,avail "$volume" | tail -n 1
segment=$(printf '%s' "$told" | sed -n 's/.*"segment" : "\\([0-9A-F]\\{24\\}\\)".*/\\1/p')
if [ -n "$segment" ] && [ "$segment" != "$known" ] && [ -e "$data/pg_wal/$segment" ]; then
  TZ=UTC "$binaries/pg_waldump" --rmgr=Transaction "$data/pg_wal/$segment" 2>/dev/null |
    sed -n 's/.* lsn: \\([0-9A-F]*\\/[0-9A-F]*\\),.*COMMIT.* \\([0-9-]\\{10\\}\\) \\([0-9:.]*\\) UTC.*/commit \\2T\\3Z \\1/p' | sed -n '1p;$p'
fi
for errors; do
  for file in "$errors"/*.error; do
    [ ! -e "$file" ] || { echo error; head -c 2000 "$file" | tail -n +2; echo; }
    break
  done
done
`;

const moment = z.iso.datetime({ offset: true }).transform((time) => new Date(time).toISOString());
const facts = z.object({
  now: moment,
  segment: z.string().nullable(),
  archivedAt: moment.nullable(),
  waitingBytes: z.number(),
  waitingSince: moment.nullable(),
  gaveUpAt: moment.nullable(),
});

/**
 * Asks the node that was the primary last, then the others. Changes nothing.
 *
 * @returns null when none of them is the primary now.
 * @throws HOST_UNREACHABLE, HOST_COMMAND_FAILED when one that may be did not answer.
 */
export async function probeArchive(
  fleet: Fleet,
  view: ClusterView,
  { timelineId, sites }: Pick<WatchedCluster, 'timelineId' | 'sites'>,
  seen: Seen,
  signal: AbortSignal,
): Promise<Probe | null> {
  const ask = async (node: ReachableNode): Promise<Probe | null> => {
    const { version } = view.cluster.spec;
    const errors = sites.map((site) => `${pushSpool(site)}/archive/${timelineId}/out`);
    const places = [binariesOf(version), SOCKET_FOLDER, dataDirectory(version), DATA_FOLDER];
    const printed = await hostOf(fleet, view, node).run(
      sh`runuser -u postgres -- sh -c ${PROBE} sh ${[FACTS, ...places, seen.segment ?? '', ...errors]}`,
      { title: 'look at the archive', timeoutMs: TIMEOUT_MS, connectTimeoutMs: CONNECT_MS, signal },
    );
    return printed === '' ? null : { node: node.name, ...parseProbe(printed, seen) };
  };
  const nodes = dataNodesOf(view);
  const isLast = ({ name }: ReachableNode): boolean => name === seen.node;
  const failures: unknown[] = [];
  for (const some of [nodes.filter(isLast), nodes.filter((node) => !isLast(node))]) {
    const answers = await Promise.allSettled(some.map(ask));
    for (const answer of answers) {
      if (answer.status === 'fulfilled' && answer.value) return answer.value;
      if (answer.status === 'rejected') failures.push(answer.reason);
    }
  }
  if (failures.length > 0) throw failures[0];
  return null;
}

/** @param printed by the command. @param seen before. */
export function parseProbe(printed: string, seen: Pick<Seen, 'lagMs' | 'lastError'>): Omit<Probe, 'node'> {
  const [json = '', volume = '', ...rest] = printed.split('\n');
  const { now, archivedAt, waitingBytes, waitingSince, segment, gaveUpAt } = facts.parse(JSON.parse(json));
  const [totalBytes, freeBytes] = volume.trim().split(/\s+/).map(Number);
  if (totalBytes === undefined || freeBytes === undefined) throw new Error(`no sizes of a volume: ${volume}`);
  const commits = commitsIn(rest.join('\n'));
  const [oldest] = commits;
  const isSegment = segment !== null && /^[0-9A-F]{24}$/.test(segment);
  const lagMs = oldest && archivedAt !== null ? Date.parse(archivedAt) - Date.parse(oldest.at) : seen.lagMs;
  return {
    segment: isSegment ? segment : null,
    newestCommit: commits.at(-1) ?? null,
    gaveUpAt,
    figures: {
      asOf: now,
      lastArchivedAt: archivedAt,
      lagMs,
      oldestWaitingSince: waitingSince,
      waitingBytes,
      freeBytes,
      totalBytes,
      lastError: waitingSince === null ? null : (errorIn(rest.join('\n')) ?? seen.lastError),
    },
  };
}

const commitsIn = (printed: string): Commit[] =>
  [...printed.matchAll(/^commit (\S+) (\S+)$/gm)].map(([, at = '', lsn = '']) => ({
    at: new Date(at).toISOString(),
    lsn,
  }));

/** What pgBackRest says of each site that it has an error of: as much of one as of the other. Null: nothing. */
function errorIn(printed: string): string | null {
  const [, ...errors] = printed.split(/^error$/m).map((text) => text.trim());
  const told = errors.filter((text) => text !== '');
  const length = Math.floor(LONGEST_ERROR / told.length);
  return told.length === 0 ? null : told.map((text) => text.slice(0, length)).join('\n');
}
