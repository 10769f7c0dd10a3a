import type { AskedTarget, RestoreGap, RestoreTarget, RestoreWindow } from './backups';

/** Where a restore can stop: rules about times and positions in the log. */

const MICROSECONDS = 6;

/** The same moment in UTC, to the microsecond: milliseconds are as far as a Date goes. The text is ISO 8601 with an offset. */
export function inUtc(time: string): string {
  const seconds = new Date(time).toISOString().replace(/\.\d+Z$/, '');
  const fraction = /\.(\d+)/.exec(time)?.[1]?.slice(0, MICROSECONDS);
  return fraction === undefined ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}

/** Position in the log as a number: `2/A0000028`. */
export function lsnNumber(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

/** A position as PostgreSQL prints it, `0/704DFD0`: pg_waldump writes zeros before the second number. */
export const plainLsn = (lsn: string): string => lsn.replace(/\/0+(?=.)/, '/');

/**
 * True when the target lies in what can be restored. Of a transaction that has ended nothing tells in advance whether it is in the log.
 *
 * @param firstLsn end of the oldest backup that is there.
 */
export function isInside(target: RestoreTarget, window: RestoreWindow, firstLsn: string | null): boolean {
  switch (target.kind) {
    case 'time': {
      const at = Date.parse(target.time);
      if (at < Date.parse(window.earliest) || window.latest === null || at > Date.parse(window.latest)) return false;
      return gapOf(target, window) === null;
    }
    case 'point':
    case 'lsn': {
      const at = lsnNumber(target.lsn);
      if (firstLsn !== null && at < lsnNumber(firstLsn)) return false;
      if (window.lastLsn !== undefined && at > lsnNumber(window.lastLsn)) return false;
      return gapOf(target, window) === null;
    }
    case 'transaction':
      return window.lastTransaction === undefined || mayHaveEnded(target.transaction, window.lastTransaction);
    case 'latest':
    case 'backup':
      return true;
  }
}

/**
 * False when no transaction of that number can have ended. The log has numbers without their epoch: of 32 bits, they begin anew
 * after four thousand million transactions, so one that is named without its epoch may be of an earlier one. PostgreSQL's own order, in
 * which half of all numbers lie ahead, goes for rows that can be seen, which is not how far back a log goes.
 */
export const mayHaveEnded = (transaction: string, last: string): boolean => BigInt(transaction) <= BigInt(last);

/** The gap that a time or a position lies in, null when it lies in none. */
export function gapOf(target: RestoreTarget, { gaps = [] }: RestoreWindow): RestoreGap | null {
  switch (target.kind) {
    case 'time': {
      const at = Date.parse(target.time);
      return gaps.find(({ from, to }) => Date.parse(from) < at && at < Date.parse(to)) ?? null;
    }
    case 'point':
    case 'lsn': {
      const at = lsnNumber(target.lsn);
      return gaps.find(({ fromLsn, toLsn }) => lsnNumber(fromLsn) <= at && at < lsnNumber(toLsn)) ?? null;
    }
    case 'latest':
    case 'transaction':
    case 'backup':
      return null;
  }
}

/**
 * True when it lies behind the end of the archive, but not in the future: it may be in what is not archived yet. So may any
 * transaction that has ended.
 */
export function isYetToCome(target: RestoreTarget, window: RestoreWindow, now: Date): boolean {
  const { latest, lastLsn } = window;
  if (target.kind === 'transaction') return isInside(target, window, null);
  if (target.kind === 'lsn' || target.kind === 'point')
    return lastLsn !== undefined && lsnNumber(target.lsn) > lsnNumber(lastLsn);
  if (target.kind !== 'time') return false;
  const at = Date.parse(target.time);
  return at <= now.getTime() && (latest === null || at > Date.parse(latest));
}

/** For people: `the time 2026-11-21T06:30:00Z`. */
export function targetInWords(target: AskedTarget): string {
  switch (target.kind) {
    case 'latest':
      return 'the newest state';
    case 'time':
      return `the time ${target.time}`;
    case 'lsn':
      return `the position ${target.lsn}`;
    case 'transaction':
      return `transaction ${target.transaction}`;
    case 'point':
      return `the restore point ${target.name}`;
    case 'backup':
      return `backup ${target.backup}`;
  }
}
