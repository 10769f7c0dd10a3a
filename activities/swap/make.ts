import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import type { Swap } from '../../domain/swaps';
import type { RestoreTarget } from '../../domain/backups';
import { HoldfastError } from '../../domain/errors';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, fencedHostOf, hostOf, reachableNode, secretRef } from '../fleet';
import { jobUnit } from '../host/jobs';
import { runJob } from '../host/run-job';
import { sh } from '../host/shell';
import type { ShellCommand } from '../host/shell';
import { CA_FILE, certificateFile, keyFile } from '../host/tls-paths';
import { SYSTEM_ROLES } from '../patroni/hba';
import { restoreOf } from '../pgbackrest/archive';
import { patientArchiveGet } from '../pgbackrest/archive-get';
import { ASIDE_CONFIG_FILE } from '../pgbackrest/config';
import type { Lineage } from '../pgbackrest/config';
import { asideFiles } from '../pgbackrest/files';
import { requireLineage } from '../pgbackrest/lineage';
import { readFrom, tellRead } from '../pgbackrest/read-set';
import { closeLog } from '../pgbackrest/window';
import { findPrimary, runSql } from '../postgres/psql';
import { progressTo } from '../progress';
import { sql } from '../postgres/sql';
import { SECRET_NAMES } from '../secrets/stored-secrets';
import { ASIDE_PORT, keptData } from './places';
import type { Places } from './places';

/** How the new data comes beside the old: from a store or from what was kept, and from there to the other data nodes. */

const STALL_MS = 15 * 60_000;

/** Fills the folder on the node that was chosen, by a host job. */
export async function makeData(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  swap: Swap,
  places: Places,
): Promise<void> {
  const node = nodeOf(view, swap);
  const host = fencedHostOf(fleet, at, view, node);
  const lineage = await requireLineage(fleet, view);
  await host.putFiles(asideFiles(view, lineage, places.data));
  const command = swap.target
    ? await restoreInto(fleet, view, { lineage, wanted: swap.target, site: swap.site }, places)
    : cloneInto(swap, lineage, places);
  const job = {
    unit: jobUnit(at.operationId, 'aside-data'),
    description: 'Holdfast: data beside the old',
    user: 'postgres',
    command,
  };
  await runJob(host, job, { stallMs: STALL_MS, onProgress: tell(fleet, at) });
  if (!swap.target) return;
  const from = { timelineId: lineage.timeline.id, site: swap.site };
  await tellRead(fleet, at, await readFrom(fleet, host, [`_SYSTEMD_UNIT=${job.unit}`], from));
}

/** @throws NOT_FOUND when none was chosen. */
export function nodeOf(view: ClusterView, { node, operationId }: Swap): ReachableNode {
  if (node === null) throw new HoldfastError('NOT_FOUND', { kind: 'node of', ref: operationId });
  return reachableNode(view, node);
}

/* Whatever an earlier try left is thrown away. */
const FRESH = sh`set -eu; umask 077; rm -rf "$data"; mkdir -p "$data"`;

async function restoreInto(
  fleet: Fleet,
  view: ClusterView,
  {
    lineage,
    wanted,
    site,
  }: { readonly lineage: Lineage; readonly wanted: RestoreTarget; readonly site: string | null },
  { data }: Places,
): Promise<ShellCommand> {
  const target = wanted.kind === 'latest' ? await endOfLog(fleet, view) : wanted;
  const restore = await restoreOf(
    fleet,
    lineage,
    { target, site },
    {
      data,
      config: ASIDE_CONFIG_FILE,
      words: ['--log-level-console=detail'],
    },
  );
  return sh`sh -c ${`data=$1; ${FRESH}; exec ${restore} 2>&1`} sh ${data}`;
}

/** Everything up to now, as a position: the replay fails when it does not come there, rather than end early. */
async function endOfLog(fleet: Fleet, view: ClusterView): Promise<RestoreTarget> {
  const primary = hostOf(fleet, view, await findPrimary(fleet, view));
  const mark = sql`SELECT pg_create_restore_point('holdfast: latest')`;
  const lsn = await runSql(view, primary, 'postgres', mark, 'mark the end of the log');
  // The switch to the next segment is a record that begins there.
  await closeLog(view, primary);
  return { kind: 'lsn', lsn };
}

/*
 * What was kept ended with a clean stop. It goes on with a log of its own, whose number is above all that were used since: those
 * are told by the archive, and where no store answers by what the node has of them.
 */
const CLONE = `${FRESH}
cp -a --reflink=auto "$kept/." "$data/"
rm -f "$data/postmaster.pid" "$data/standby.signal" "$data/backup_label"
for history in "$main"/pg_wal/*.history; do [ ! -e "$history" ] || cp -p "$history" "$data/pg_wal/"; done
printf "restore_command = '%s'\\nrecovery_target_timeline = 'current'\\n" "$get" >>"$data/postgresql.auto.conf"
: >"$data/recovery.signal"`;

function cloneInto({ undoes }: Swap, { timeline }: Lineage, { data, main }: Places): ShellCommand {
  if (undoes === null) throw new HoldfastError('NOT_FOUND', { kind: 'data to put back', ref: main });
  const get = patientArchiveGet(ASIDE_CONFIG_FILE, timeline.id);
  return sh`sh -c ${`data=$1 main=$2 kept=$3 get=$4; ${CLONE}`} sh ${data} ${main} ${keptData(undoes)} ${get}`;
}

/** Copies it to the other data nodes, all at once, by host jobs. */
export async function copyData(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  swap: Swap,
  places: Places,
): Promise<void> {
  const source = nodeOf(view, swap);
  const password = await fleet.secrets.read(secretRef(view.cluster, SECRET_NAMES.role(SYSTEM_ROLES.replication)));
  const others = dataNodesOf(view).filter(({ name }) => name !== source.name);
  await each(others, async (node) => {
    const command = copyCommand(source, places);
    const job = {
      unit: jobUnit(at.operationId, 'aside-copy'),
      description: `Holdfast: copy of the new data from ${source.name}`,
      user: 'postgres',
      command,
      stdin: `*:*:*:${SYSTEM_ROLES.replication}:${password}\n`,
    };
    await runJob(fencedHostOf(fleet, at, view, node), job, {
      stallMs: STALL_MS,
      onProgress: tell(fleet, at, node.name),
    });
  });
}

/* pg_basebackup itself is silent: how much is there is told beside it. */
const COPY = `${FRESH}
cat >"$passfile"
while sleep 2; do echo "$(du -sm "$data" | cut -f1) MiB"; done &
teller=$!
trap 'kill "$teller"; rm -f "$passfile"' EXIT
pg_basebackup --pgdata="$data" --dbname="$source" --wal-method=stream --checkpoint=fast 2>&1`;

function copyCommand({ privateAddress }: ReachableNode, { binaries, data, passfile }: Places): ShellCommand {
  const source = Object.entries({
    host: privateAddress,
    port: ASIDE_PORT,
    user: SYSTEM_ROLES.replication,
    sslmode: 'verify-full',
    sslrootcert: CA_FILE,
    sslcert: certificateFile('postgres'),
    sslkey: keyFile('postgres'),
    passfile,
  });
  const words = source.map(([name, value]) => `${name}=${value}`).join(' ');
  const script = `data=$1 passfile=$2 source=$3 PATH=$4:$PATH; ${COPY}`;
  return sh`sh -c ${script} sh ${data} ${passfile} ${words} ${binaries}`;
}

/** `restore file … (8MB, 34.12%)`, or what a copy tells of itself. */
const positionIn = (line: string): string | null =>
  /(\d+(?:\.\d+)?%)\)/.exec(line)?.[1] ?? /^\d+ MiB$/.exec(line)?.[0] ?? null;

const tell = (fleet: Fleet, at: StepRef, node?: string): ((line: string) => void) =>
  progressTo(fleet, at, (line) => {
    const position = positionIn(line);
    return node === undefined || position === null ? position : `${node}: ${position}`;
  });
