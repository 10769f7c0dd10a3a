import { HoldfastError } from '../../domain/errors';
import type { OperationId } from '../../domain/ids';
import type { Lane } from '../../domain/operations';
import type { Host } from './host';
import { sh } from './shell';
import type { ShellCommand } from './shell';

/**
 * Long work on a host that outlives the SSH session and the worker which started it: a transient systemd service. Its
 * unit remembers how it ended until {@link cleanJob}; a reboot forgets it, so a job must cope with being run again then.
 */

/** Name of a job's systemd unit, such as `holdfast-op_…-install.service`; those of the other lanes begin with `holdfast-backup-` and `holdfast-dump-`. */
export type JobUnit = `holdfast-${'' | 'backup-' | 'dump-'}${OperationId}-${string}.service`;

/** @throws RangeError when the step's id has other characters than letters, digits and dashes. */
export function jobUnit(operationId: OperationId, stepId: string, lane: Lane = 'cluster'): JobUnit {
  if (!/^[A-Za-z0-9-]{1,100}$/.test(stepId)) throw new RangeError(`not the id of a step: ${stepId}`);
  return `holdfast-${lane === 'cluster' ? '' : (`${lane}-` as const)}${operationId}-${stepId}.service`;
}

/** How the units of all jobs of the same operation begin, and of all operations beside which it does not run. */
const siblingsOf = (unit: JobUnit): string => unit.replace(/^(.*?op_[^-]*-).*$/, '$1');
const kinOf = (unit: JobUnit): string => unit.slice(0, unit.indexOf('op_'));

export interface Job {
  readonly unit: JobUnit;
  readonly command: ShellCommand;
  /** For `systemctl status` on the host. */
  readonly description: string;
  /** Default root. */
  readonly user?: string;
  /** Whatever serves users comes before it, as far as processor and disks go. */
  readonly isBackground?: boolean;
  /** It is a user's own: it runs as a user that is there for it alone, with little memory, and can write to `/tmp` only. */
  readonly sandbox?: boolean;
  /** Read by the command from its standard input: the place for secrets. It never touches a disk. */
  readonly stdin?: string;
}

export type JobStatus =
  | { readonly state: 'not-started' }
  | { readonly state: 'running' }
  | { readonly state: 'succeeded' }
  | { readonly state: 'failed'; readonly exitCode: number; readonly output: string };

/** systemd makes it up while the job runs: it owns nothing, and nobody else is it. */
const SANDBOX_USER = 'holdfast-script';
const SANDBOX = [
  'DynamicUser=yes',
  'InaccessiblePaths=-/var/lib/postgresql -/etc/pgbackrest -/etc/patroni -/run/postgresql -/run/holdfast',
  'CapabilityBoundingSet=',
  'MemoryMax=256M',
  'TasksMax=64',
];

/** A tenth of what others get of a processor that all want: with less, a backup of a busy host would never end. */
const NICENESS = 10;
/**
 * Where Linux makes a group of each session, `nice` means nothing beyond that, but the group itself can be as nice. Of all users but
 * root it takes one such wish in 100 ms: the next is refused.
 */
export const YIELDING = `if [ -e /proc/self/autogroup ]; then for try in 1 2 3 4 5 6 7 8 9; do echo ${NICENESS} 2>/dev/null >/proc/self/autogroup && break; sleep 0.1; done; fi; `;
/** The weights are left out by systemd where a host's kernel offers none; 100 is usual. */
export const BACKGROUND: readonly string[] = [
  `Nice=${NICENESS}`,
  'CPUWeight=10',
  'IOSchedulingPriority=7',
  'IOWeight=10',
];

/** How long systemd waits after SIGTERM before SIGKILL. */
const STOP_TIMEOUT_S = 10;
const LAST_LINES = 40;
const LAST_CHARACTERS = 2_000;
/** UTF-8 takes no more for one. */
const CHARACTER_BYTES = 4;

/** `jobs PREFIX OPTION…` lists units of all operations, `forget UNIT…` ends them and what the host remembers of them. */
const ALL_JOBS = `
jobs() { prefix=$1; shift; systemctl list-units --all --plain --no-legend "$@" "\${prefix}op_*.service" | cut -d' ' -f1; }
forget() { [ $# -eq 0 ] || { systemctl stop -- "$@" || :; systemctl reset-failed -- "$@" 2>/dev/null || :; }; }
`;

/*
 * The input waits in /run (memory) until the job has opened it. Two that start the same unit at once are told apart by
 * systemd, which takes the name once only. Jobs of earlier operations of its lane that have ended are forgotten by the way:
 * those of this one must be remembered for whoever asks again how they ended.
 */
const START = `set -eu
${ALL_JOBS}
unit=$1 kin=$2 siblings=$3 description=$4 user=$5 command=$6
shift 6
loaded() { [ "$(systemctl show --property LoadState --value -- "$unit")" = loaded ]; }
loaded && exit 0
forget $(jobs "$kin" --state=exited,failed | grep -v -- "^$siblings")
umask 077
mkdir -p /run/holdfast/jobs
input=$(mktemp /run/holdfast/jobs/XXXXXXXXXX)
trap 'rm -f -- "$input"' EXIT
cat >"$input"
systemd-run --quiet --unit="$unit" --description="$description" --remain-after-exit --service-type=exec \\
  --property=User="$user" --property=StandardInput=file:"$input" --property=TimeoutStopSec=${STOP_TIMEOUT_S} \\
  --property=LogRateLimitIntervalSec=0 "$@" -- /bin/sh -c "$command" || loaded
`;

/**
 * Starts a job unless its unit is there already, running or ended.
 * @returns when its process runs. @throws as {@link Host.run}.
 */
export async function startJob(host: Pick<Host, 'run'>, job: Job): Promise<void> {
  // systemd replaces $NAME in the command line of a service; $$ is a dollar sign.
  const command = `${job.isBackground ? YIELDING : ''}${job.command}`.replaceAll('$', '$$$$');
  const user = job.sandbox ? SANDBOX_USER : (job.user ?? 'root');
  const values = [job.unit, kinOf(job.unit), siblingsOf(job.unit), job.description, user, command];
  const properties = [...(job.sandbox ? SANDBOX : []), ...(job.isBackground ? BACKGROUND : [])];
  await host.run(sh`sh -c ${START} sh ${[...values, ...properties.map((property) => `--property=${property}`)]}`, {
    stdin: job.stdin ?? '',
    title: `start job ${job.unit}`,
  });
}

const PROPERTIES = 'LoadState,ActiveState,SubState,ExecMainCode,ExecMainStatus';

export async function jobStatus(host: Pick<Host, 'run'>, unit: JobUnit): Promise<JobStatus> {
  const shown = await host.run(sh`systemctl show --property ${PROPERTIES} -- ${unit}`, {
    title: `look at job ${unit}`,
  });
  const property = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(shown)?.[1] ?? '';
  if (property('LoadState') !== 'loaded') return { state: 'not-started' };
  if (property('ActiveState') === 'failed') {
    return { state: 'failed', exitCode: exitCode(property), output: await lastLines(host, unit) };
  }
  return property('SubState') === 'exited' ? { state: 'succeeded' } : { state: 'running' };
}

/** As a shell tells it: 128 and the signal's number for a process that was killed. */
function exitCode(property: (name: string) => string): number {
  const CLD_EXITED = '1';
  const status = Number(property('ExecMainStatus'));
  return property('ExecMainCode') === CLD_EXITED ? status : 128 + status;
}

/** The end of what a job wrote. */
export async function lastLines(
  host: Pick<Host, 'run'>,
  unit: JobUnit,
  { lines: count, characters } = { lines: LAST_LINES, characters: LAST_CHARACTERS },
): Promise<string> {
  // What its processes wrote, without what systemd says of it.
  const match = `_SYSTEMD_UNIT=${unit}`;
  const journal = sh`journalctl --sync; journalctl --output cat --no-pager --lines ${count} ${match} | tail --bytes=${characters * CHARACTER_BYTES}`;
  const lines = await host.run(journal, { title: `read the journal of ${unit}` });
  return lines.trim().slice(-characters);
}

/** Stops a job and returns when none of its processes is left. Nothing to do when it has ended or was never started. */
export async function cancelJob(host: Pick<Host, 'run'>, unit: JobUnit): Promise<void> {
  const stop = 'systemctl stop -- "$1" || [ "$(systemctl show --property LoadState --value -- "$1")" != loaded ]';
  await host.run(sh`sh -c ${stop} sh ${unit}`, {
    title: `stop job ${unit}`,
    timeoutMs: (STOP_TIMEOUT_S + 20) * 1000,
  });
}

const END_ALL = `set -eu
${ALL_JOBS}
kept=$1
others() { jobs 'holdfast-*' "$@" | grep -vxF -- "$kept" || :; }
forget $(others)
left=$(others --state=active,activating,deactivating,reloading)
[ -z "$left" ] || { echo "still there:" $left >&2; exit 1; }
`;

/**
 * Stops all jobs on a host, of whatever operation, but `kept`; returns when none of their processes is left, and the host
 * has forgotten them and those that had ended. For who takes a host out of use. Idempotent.
 * @throws HOST_COMMAND_FAILED when one can't be stopped.
 */
export async function endJobs(host: Pick<Host, 'run'>, kept: JobUnit): Promise<void> {
  await host.run(sh`sh -c ${END_ALL} sh ${kept}`, {
    title: 'stop the jobs of the host',
    timeoutMs: (STOP_TIMEOUT_S + 20) * 1000,
  });
}

const END_OTHERS = `set -eu
${ALL_JOBS}
kin=$1 siblings=$2 steps=$3
others() { jobs "$kin" "$@" | grep -v -- "^$siblings" | grep -E -- "-($steps)[.]service$" || :; }
forget $(others)
left=$(others --state=active,activating,deactivating,reloading)
[ -z "$left" ] || { echo "still there:" $left >&2; exit 1; }
`;

/**
 * Stops jobs that other operations of the same lane have left on a host, as one that was ended from outside does, and has the
 * host forget them. For who is about to work where they did. Idempotent.
 * @param unit a job of the operation that stays. @param steps which of the others, a pattern of `grep -E`: `dump|store-.*`.
 * @throws HOST_COMMAND_FAILED when one can't be stopped.
 */
export async function endOthers(host: Pick<Host, 'run'>, unit: JobUnit, steps: string): Promise<void> {
  await host.run(sh`sh -c ${END_OTHERS} sh ${[kinOf(unit), siblingsOf(unit), steps]}`, {
    title: 'stop jobs that other operations have left',
    timeoutMs: (STOP_TIMEOUT_S + 20) * 1000,
  });
}

/**
 * Lets the host forget a job that has ended. Idempotent.
 * @throws HOST_COMMAND_FAILED when it still runs.
 */
export async function cleanJob(host: Pick<Host, 'run'>, unit: JobUnit): Promise<void> {
  const clean = `set -eu
[ "$(systemctl show --property SubState --value -- "$1")" != running ] || { echo 'the job still runs' >&2; exit 1; }
systemctl stop -- "$1" 2>/dev/null || true
systemctl reset-failed -- "$1" 2>/dev/null || true`;
  await host.run(sh`sh -c ${clean} sh ${unit}`, { title: `clean job ${unit}` });
}

/** @throws HOST_JOB_FAILED when the status is `failed`. */
export function requireNoFailure(host: Pick<Host, 'label'>, unit: JobUnit, status: JobStatus): void {
  if (status.state !== 'failed') return;
  const { exitCode: code, output } = status;
  throw new HoldfastError('HOST_JOB_FAILED', { host: host.label, unit, exitCode: code, output });
}
