import { Cron } from 'croner';
import { z } from 'zod';

/** When something is done again and again: expressions of cron and time zones, as users write them. */

/**
 * What Temporal, cron of Debian and croner read alike: numbers, names, lists, ranges and steps. What only some of them
 * know (`L`, `#`, `?`, `@daily`) is refused.
 */
const FIVE_FIELDS = /^(?:[0-9*,/-]+ +){3}[0-9A-Za-z*,/-]+ +[0-9A-Za-z*,/-]+$/;
const DAY_OF_MONTH = 2;
const DAY_OF_WEEK = 4;
const LONGEST = 100;

/** Why this is no expression of cron that can be used; null when it is one. */
function wrongWithCron(text: string): string | null {
  if (text.length > LONGEST || !FIVE_FIELDS.test(text))
    return 'must be five fields of cron (minute, hour, day, month, weekday), such as 17 1 * * 0 for Sundays at 01:17, or `null` for never';
  const fields = text.split(/ +/);
  if (fields[DAY_OF_MONTH] !== '*' && fields[DAY_OF_WEEK] !== '*')
    return 'cannot have both a day of the month and a weekday: programs read that differently; write * for one of them';
  try {
    const isEverDue = new Cron(text, { mode: '5-part', paused: true }).nextRun() !== null;
    return isEverDue ? null : 'never comes: there is no such day';
  } catch {
    return 'must have a minute of 0 to 59, an hour of 0 to 23, a day of 1 to 31, a month of 1 to 12 and a weekday of 0 to 7, as *, lists (1,2), ranges (1-5) or steps (*/15)';
  }
}

export const cronSchema = z
  .string()
  .superRefine((text, issues) => {
    const message = wrongWithCron(text);
    if (message !== null) issues.addIssue({ code: 'custom', message });
  })
  .meta({ description: 'Cron: minute, hour, day of the month, month, weekday.', example: '17 1 * * 0' });

/** As Temporal reads them, upper and lower case matter. */
const ZONE = /^[A-Z][A-Za-z0-9_+-]*(?:\/[A-Z][A-Za-z0-9_+-]*){0,2}$/;

function isTimeZone(text: string): boolean {
  if (!ZONE.test(text)) return false;
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions();
    return timeZone === text || timeZone.toLowerCase() !== text.toLowerCase();
  } catch {
    return false;
  }
}

export const timeZoneSchema = z
  .string()
  .refine(isTimeZone, 'must be the name of a time zone, such as Europe/Paris or UTC')
  .meta({ description: 'IANA name of the time zone that the schedule is in.', example: 'Europe/Paris' });
