import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import type { Host } from './host';
import { jobStatus, requireNoFailure } from './jobs';
import type { JobUnit } from './jobs';
import { sh } from './shell';

export interface FollowOptions {
  /**
   * Called at least every 5 s with the lines that the job wrote since the last call (perhaps none) and where its journal
   * was read up to: heartbeat it, and give it to the worker that goes on.
   */
  readonly onProgress?: (lines: readonly string[], cursor: string | null) => void;
  /** Where an earlier follower had read up to. */
  readonly cursor?: string | null;
  readonly signal?: AbortSignal;
}

/** How long the host waits for an end of the job before it answers; it looks five times a second. */
const LOOKS = 25;
const LOOK_PAUSE_S = 0.2;

// What it wrote, without what its programs told the log of the system: runuser tells of each session.
// The state is read before the journal: what the job wrote before its end is then always among the lines. systemd is asked when the
// process has ended: systemctl alone takes 8 ms of a core, five times a second for as long as a backup takes.
const WATCH = `unit=$1 cursor=$2 looks=$3 pause=$4
state() { systemctl show --property SubState --value -- "$unit"; }
pid=$(systemctl show --property MainPID --value -- "$unit")
runs() { [ "\${pid:-0}" -ne 0 ] && [ -d "/proc/$pid" ]; }
ended() { ! runs && case $(state) in exited | failed | dead) ;; *) return 1 ;; esac; }
until ended || [ "$looks" -eq 0 ]; do
  looks=$((looks - 1))
  sleep "$pause"
done
state
journalctl --sync
journalctl --output json --output-fields MESSAGE --no-pager \${cursor:+--after-cursor="$cursor"} "_SYSTEMD_UNIT=$unit" _TRANSPORT=stdout
`;
const END_STATES: readonly (string | undefined)[] = ['exited', 'failed', 'dead'];

/** A line that is not UTF-8 is a list of bytes, an empty one null. */
const journalEntry = z.object({
  __CURSOR: z.string(),
  MESSAGE: z.union([z.string(), z.array(z.number()).transform((bytes) => Buffer.from(bytes).toString()), z.null()]),
});

/**
 * Waits until a job has ended well; a new worker may call it again at any time.
 * @throws HOST_JOB_FAILED; NOT_FOUND when there is no such job (never started, cancelled, or the host was rebooted);
 * as {@link Host.run}.
 */
export async function followJob(
  host: Pick<Host, 'run' | 'label'>,
  unit: JobUnit,
  { onProgress, cursor = null, signal }: FollowOptions = {},
): Promise<void> {
  for (let readUpTo = cursor; ;) {
    const watched = await host.run(sh`sh -c ${WATCH} sh ${unit} ${readUpTo ?? ''} ${LOOKS} ${LOOK_PAUSE_S}`, {
      title: `follow job ${unit}`,
      ...(signal && { signal }),
    });
    const [subState, ...entries] = watched.split('\n').filter((line) => line !== '');
    const read = readEntries(entries);
    readUpTo = read.cursor ?? readUpTo;
    onProgress?.(read.lines, readUpTo);
    if (END_STATES.includes(subState)) return conclude(host, unit);
  }
}

async function conclude(host: Pick<Host, 'run' | 'label'>, unit: JobUnit): Promise<void> {
  const status = await jobStatus(host, unit);
  requireNoFailure(host, unit, status);
  if (status.state === 'not-started') throw new HoldfastError('NOT_FOUND', { kind: 'job', ref: unit });
}

function readEntries(json: readonly string[]): { readonly lines: string[]; readonly cursor: string | null } {
  const entries = json.map((line) => journalEntry.parse(JSON.parse(line)));
  const lines = entries.map((entry) => entry.MESSAGE ?? '');
  return { lines, cursor: entries.at(-1)?.__CURSOR ?? null };
}
