const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A duration for people, to the minute, in its two largest units: `3 d 4 h`, `2 h 5 min`, `0 min`. */
export function inWords(durationMs: number): string {
  const ms = Math.max(0, durationMs);
  const [days, hours, minutes] = [ms / DAY_MS, (ms % DAY_MS) / HOUR_MS, (ms % HOUR_MS) / MINUTE_MS].map(Math.floor);
  if (days) return `${days} d ${hours ?? 0} h`;
  return hours ? `${hours} h ${minutes ?? 0} min` : `${minutes ?? 0} min`;
}
