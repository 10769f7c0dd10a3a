import { lsnNumber } from './restore-targets';

/** Segments of PostgreSQL's log by their names: `TTTTTTTTLLLLLLLLSSSSSSSS`, timeline, log and segment in hexadecimal digits. */

/** Of the usual size, 16 MiB. */
const SEGMENT_BYTES = 16n * 1024n ** 2n;
const SEGMENTS_PER_LOG = 256;

/** A run of segments that no store has. Both are names: what comes right before it, and right after it. */
export interface MissingSegments {
  /** Null: it begins before all that is there. */
  readonly before: string | null;
  readonly after: string;
}

/** Its place in the log, whatever its timeline. */
export function segmentNumber(segment: string): number {
  return Number.parseInt(segment.slice(8, 16), 16) * SEGMENTS_PER_LOG + Number.parseInt(segment.slice(16, 24), 16);
}

/** Number of the segment that a position lies in. */
export const numberOfLsn = (lsn: string): number => Number(lsnNumber(lsn) / SEGMENT_BYTES);

/** Position at which the segment of a number begins, such as `0/3000000`. */
export function beginOfSegment(number: number): string {
  const position = BigInt(number) * SEGMENT_BYTES;
  return `${(position >> 32n).toString(16).toUpperCase()}/${(position & 0xffffffffn).toString(16).toUpperCase()}`;
}

/**
 * The segments that a recovery goes through, in order: where several timelines have one of the same number, that of the
 * newest which had begun by then.
 */
export function mainLine(segments: Iterable<string>): string[] {
  const all = [...new Set(segments)].sort();
  const begins = new Map<string, number>();
  for (const segment of all) {
    const timeline = segment.slice(0, 8);
    if (!begins.has(timeline)) begins.set(timeline, segmentNumber(segment));
  }
  const newest = [...begins].sort(([a], [b]) => (a < b ? 1 : -1));
  const ownerOf = (number: number): string | undefined => newest.find(([, begin]) => begin <= number)?.[0];
  return all
    .filter((segment) => ownerOf(segmentNumber(segment)) === segment.slice(0, 8))
    .sort((a, b) => segmentNumber(a) - segmentNumber(b));
}

/** Where the line of {@link mainLine} is broken. @param from number of the first segment that should be there. */
export function missingIn(line: readonly string[], from: number): MissingSegments[] {
  const missing: MissingSegments[] = [];
  let expected = from;
  let before: string | null = null;
  for (const segment of line) {
    const number = segmentNumber(segment);
    if (number < expected) continue;
    if (number > expected) missing.push({ before, after: segment });
    before = segment;
    expected = number + 1;
  }
  return missing;
}
