/** Something that took time. Milliseconds since the epoch. */
export interface Interval {
  readonly startMs: number;
  readonly endMs: number;
}

export interface Call extends Interval {
  readonly name: string;
}

/** Which calls the end had to wait for, one after the other, and the time between them. */
export interface CriticalPath {
  readonly calls: readonly Call[];
  readonly gaps: readonly Interval[];
}

/** Starts are computed from rounded durations. */
const CLOCK_ERROR_MS = 2;

/**
 * Walks back from the end of `window`: whatever ended last before the present moment is what that moment waited for,
 * then its start is the present moment. What lies between is a gap. So a gap counts also while some other call, that
 * nobody waited for, was in progress: the sum of the gaps is at least the time without any call.
 */
export function criticalPath(calls: readonly Call[], window: Interval): CriticalPath {
  const links: Call[] = [];
  const gaps: Interval[] = [];
  const left = new Set(clip(calls, window));
  for (let now = window.endMs; now > window.startMs;) {
    const next = lastBefore(left, now);
    const endMs = next?.endMs ?? window.startMs;
    if (endMs < now) gaps.unshift({ startMs: endMs, endMs: now });
    if (next) {
      links.unshift(next);
      left.delete(next);
    }
    now = Math.min(now, next?.startMs ?? window.startMs);
  }
  return { calls: links, gaps };
}

/** How much of `window` is in none of the intervals. */
export function uncovered(intervals: readonly Interval[], window: Interval): number {
  let free = 0;
  let coveredTo = window.startMs;
  for (const { startMs, endMs } of clip(intervals, window).sort((a, b) => a.startMs - b.startMs)) {
    free += Math.max(0, startMs - coveredTo);
    coveredTo = Math.max(coveredTo, endMs);
  }
  return free + window.endMs - coveredTo;
}

export const totalOf = (intervals: readonly Interval[]): number =>
  intervals.reduce((total, { startMs, endMs }) => total + endMs - startMs, 0);

/** Of calls that ended at the same moment, the longest is the one that was waited for. */
function lastBefore(calls: ReadonlySet<Call>, now: number): Call | undefined {
  const ended = [...calls].filter(({ startMs, endMs }) => endMs <= now + CLOCK_ERROR_MS && startMs < now);
  return ended.sort((a, b) => b.endMs - a.endMs || a.startMs - b.startMs)[0];
}

function clip<T extends Interval>(intervals: readonly T[], { startMs, endMs }: Interval): T[] {
  return intervals
    .filter((interval) => interval.endMs > startMs && interval.startMs < endMs)
    .map((interval) => ({
      ...interval,
      startMs: Math.max(startMs, interval.startMs),
      endMs: Math.min(endMs, interval.endMs),
    }));
}
