/** What a row of a table says of several runs. */
export interface Spread {
  readonly p50: number;
  readonly min: number;
  readonly max: number;
}

/** @throws RangeError for no values at all. */
export function spreadOf(values: readonly number[]): Spread {
  return { p50: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Of an even number, the mean of the two in the middle. @throws RangeError for no values at all. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new RangeError('no median of nothing');
  return (lower + upper) / 2;
}

/** The value that `share` (0 to 1) of all values do not exceed, by the nearest rank. @throws RangeError for no values at all. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new RangeError('no percentile of nothing');
  return value;
}
