import { asyncLocalStorage } from '@temporalio/activity';
import { HoldfastError } from '../../domain/errors';
import { followJob } from './follow-job';
import type { Host } from './host';
import { cancelJob, cleanJob, startJob } from './jobs';
import type { Job } from './jobs';

export interface RunJobOptions {
  /** Called with the last line that the job wrote, when there is a new one. */
  readonly onProgress?: (line: string) => void;
  /** How long the job may say nothing before somebody has to look at it. Renewed by every line that it writes. */
  readonly stallMs: number;
  /** Ends the following; the job is left alone. */
  readonly signal?: AbortSignal;
  /** The host remembers also a job that failed, until {@link cleanJob}: it is never run again by itself. Default: false. */
  readonly keepsFailed?: boolean;
}

/**
 * Runs a host job to its end from inside an activity. Whoever calls it again, on this worker or another, finds the job
 * that runs and goes on following it. A worker that shuts down leaves the job alone; a cancel of the activity kills it
 * and waits until it is dead.
 * @throws HOST_JOB_FAILED: the host forgets the job then, unless `keepsFailed`, so that a retry runs it anew; STEP_DEADLINE_EXCEEDED after
 * `stallMs` without a word: the job still runs then, and a retry follows it again; as {@link Host.run}.
 */
export async function runJob(
  host: Pick<Host, 'run' | 'label'>,
  job: Job,
  { onProgress, stallMs, signal, keepsFailed = false }: RunJobOptions,
): Promise<void> {
  const stall = watchForStall(host, job, stallMs);
  try {
    // A cancel may come when the job has begun, but its start has not been answered.
    await startJob(host, job);
    await followJob(host, job.unit, {
      signal: signal ? AbortSignal.any([stall.signal, signal]) : stall.signal,
      onProgress: (lines) => {
        const last = lines.findLast((line) => line.trim() !== '');
        if (last === undefined) return;
        stall.moved(last);
        onProgress?.(last);
      },
    });
  } catch (error) {
    if (isCancelRequested()) await despiteCancel(() => cancelJob(host, job.unit));
    else if (error instanceof HoldfastError && error.code === 'HOST_JOB_FAILED' && !keepsFailed)
      await cleanJob(host, job.unit);
    throw error;
  } finally {
    stall.end();
  }
}

interface StallWatch {
  readonly signal: AbortSignal;
  moved(line: string): void;
  end(): void;
}

function watchForStall(host: Pick<Host, 'label'>, job: Job, stallMs: number): StallWatch {
  const stalled = new AbortController();
  let last = 'nothing';
  const timer = setTimeout(() => {
    const detail = `job ${job.unit} on ${host.label} has said nothing new for ${stallMs / 1000} s, after: ${last}`;
    stalled.abort(new HoldfastError('STEP_DEADLINE_EXCEEDED', { detail }));
  }, stallMs);
  return {
    signal: stalled.signal,
    moved(line) {
      last = line;
      timer.refresh();
    },
    end: () => clearTimeout(timer),
  };
}

/** Somebody wants the work undone; a worker that shuts down or lost its claim leaves it to the next one. */
export function isCancelRequested(): boolean {
  return asyncLocalStorage.getStore()?.cancellationDetails?.cancelRequested === true;
}

/** Runs outside of the activity's cancellation, which would end every command at once. */
export function despiteCancel<T>(act: () => Promise<T>): Promise<T> {
  return asyncLocalStorage.exit(act);
}
