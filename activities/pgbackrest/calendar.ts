/** Times of cron in the words of systemd, which hosts have. https://www.freedesktop.org/software/systemd/man/systemd.time.html */

interface Field {
  readonly first: number;
  readonly last: number;
  /** In order, from `first` on. */
  readonly names?: readonly string[];
}

const MINUTE: Field = { first: 0, last: 59 };
const HOUR: Field = { first: 0, last: 23 };
const DAY: Field = { first: 1, last: 31 };
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const MONTH: Field = { first: 1, last: 12, names: MONTHS };
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
/** Sunday is 0 and 7. */
const WEEKDAY: Field = { first: 0, last: 7, names: WEEKDAYS.map((name) => name.toUpperCase()) };

/** `17 1 * * 0` in Europe/Paris is `Sun *-*-* 01:17:00 Europe/Paris`. @param cron five fields that were checked. */
export function calendarOf(cron: string, timeZone: string): string {
  const [minute = '*', hour = '*', day = '*', month = '*', weekday = '*'] = cron.split(/ +/);
  const days = new Set(valuesOf(weekday, WEEKDAY).map((number) => number % 7));
  const onDays = weekday === '*' ? [] : [WEEKDAYS.filter((_, number) => days.has(number)).join(',')];
  const date = `*-${listOf(month, MONTH)}-${listOf(day, DAY)}`;
  return [...onDays, date, `${listOf(hour, HOUR)}:${listOf(minute, MINUTE)}:00`, timeZone].join(' ');
}

function listOf(text: string, field: Field): string {
  const values = [...new Set(valuesOf(text, field))].sort((a, b) => a - b);
  return text === '*' ? '*' : values.map((value) => String(value).padStart(2, '0')).join(',');
}

function valuesOf(text: string, field: Field): number[] {
  return text.split(',').flatMap((part) => {
    const [range = '', step] = part.split('/');
    const [from, to] = range === '*' ? [field.first, field.last] : range.split('-').map((end) => numberOf(end, field));
    const first = from ?? field.first;
    const last = to ?? (step === undefined ? first : field.last);
    const every = Number(step ?? 1);
    return Array.from({ length: Math.floor((last - first) / every) + 1 }, (_, i) => first + i * every);
  });
}

function numberOf(text: string, { first, names = [] }: Field): number {
  const named = names.indexOf(text.toUpperCase());
  return named < 0 ? Number(text) : first + named;
}
