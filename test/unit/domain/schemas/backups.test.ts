import { policyInWords } from '../../../../domain/backup-words';
import { DEFAULT_BACKUP_RETENTION, DEFAULT_BACKUP_SCHEDULE } from '../../../../domain/backups';
import { NO_HOOKS } from '../../../../domain/backup-hooks';
import { NO_SCHEDULED_DUMPS } from '../../../../domain/dump-schedules';
import { backupPolicyRequestSchema } from '../../../../domain/schemas/backups';
import { cronSchema, timeZoneSchema } from '../../../../domain/schemas/schedules';

/** Where a request for backups is wrong, as `place: message`. */
function wrongIn(request: unknown): string[] {
  const { error } = backupPolicyRequestSchema.safeParse(request);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('/')}: ${message}`);
}

test.each([
  ['every hour', '47 * * * *'],
  ['every night but Sundays', '17 1 * * 1-6'],
  ['days by name', '0 3 * * MON,wed-fri'],
  ['months by name', '0 3 1 jan,JUL *'],
  ['steps', '*/15 0-23/2 * * *'],
  ['Sunday as 7', '0 0 * * 7'],
  ['a leap day', '0 0 29 2 *'],
  ['more than one space', '0  3 * *  0'],
])('cron: %s', (_what, text) => {
  expect(cronSchema.safeParse(text).error).toBeUndefined();
});
test.each(Object.entries(DEFAULT_BACKUP_SCHEDULE))('cron: the default of %s backups', (_type, text) => {
  expect(cronSchema.safeParse(text).success).toBe(true);
});

test.each([
  ['four fields', '0 3 * *', /must be five fields of cron/],
  ['six fields', '0 0 3 * * *', /must be five fields of cron/],
  ['a nickname', '@daily', /must be five fields of cron/],
  ['nothing', '', /must be five fields of cron/],
  ['a comment', '0 3 * * 0 # weekly', /must be five fields of cron/],
  ['a time zone', 'TZ=UTC 0 3 * * 0', /must be five fields of cron/],
  ['another line', '0 3 * * 0\n* * * * *', /must be five fields of cron/],
  ['what only croner knows', '0 3 L * *', /must be five fields of cron/],
  ['what only some know', '0 3 * * 5#2', /must be five fields of cron/],
  ['a minute too many', '60 3 * * *', /must have a minute of 0 to 59/],
  ['an hour too many', '0 24 * * *', /must have a minute of 0 to 59/],
  ['a range backwards', '0 3 * * 5-1', /must have a minute of 0 to 59/],
  ['a step of nothing', '*/0 3 * * *', /must have a minute of 0 to 59/],
  ['a weekday that is none', '0 3 * * FOO', /must have a minute of 0 to 59/],
  ['a day that never comes', '0 3 30 2 *', /never comes/],
  ['both days', '0 3 1 * 1', /cannot have both a day of the month and a weekday/],
  ['a megabyte', `${'0,'.repeat(500_000)}0 3 * * *`, /must be five fields of cron/],
])('cron: not %s', (_what, text, message) => {
  expect(cronSchema.safeParse(text).error?.issues[0]?.message).toMatch(message);
});

test.each([
  'UTC',
  'Europe/Paris',
  'Asia/Kolkata',
  'Etc/GMT+5',
  'America/Argentina/Buenos_Aires',
  'America/Port_of_Spain',
])('time zone: %s', (zone) => {
  expect(timeZoneSchema.safeParse(zone).success).toBe(true);
});
test.each(['', 'Mars/Olympus', '+01:00', 'europe/paris', 'utc', 'Europe/Paris\n', '../UTC', 'Local'])(
  'time zone: not %j',
  (zone) => {
    expect(timeZoneSchema.safeParse(zone).error?.issues[0]?.message).toMatch(/^must be the name of a time zone/);
  },
);

test('a policy may say nothing, or all of it', () => {
  expect(wrongIn({})).toEqual([]);
  expect(
    wrongIn({
      sites: ['primary', 'secondary', 'offsite'],
      schedule: { full: '0 3 * * 0', differential: null, incremental: '5 * * * *' },
      timeZone: 'Europe/Paris',
      retention: { unit: 'count', full: 3650 },
      paused: true,
    }),
  ).toEqual([]);
});

test.each([
  ['no site', { sites: [] }, /^sites: /],
  ['four sites', { sites: ['a', 'b', 'c', 'd'] }, /^sites: /],
  ['a site twice', { sites: ['a', 'b', 'a'] }, /^sites\/2: is there twice/],
  ['a schedule of another type', { schedule: { hourly: '0 * * * *' } }, /^schedule: /],
  ['a wrong time', { schedule: { differential: 'daily' } }, /^schedule\/differential: must be five fields/],
  ['retention of nothing', { retention: { unit: 'days', full: 0 } }, /^retention\/full: /],
  ['retention for ever', { retention: { unit: 'days', full: 3651 } }, /^retention\/full: /],
  ['retention of half a day', { retention: { unit: 'days', full: 0.5 } }, /^retention\/full: /],
  ['retention in weeks', { retention: { unit: 'weeks', full: 1 } }, /^retention\/unit: /],
  ['retention without its unit', { retention: { full: 1 } }, /^retention\/unit: /],
  ['a pause that is a text', { paused: 'yes' }, /^paused: /],
  ['a wrong time of dumps', { dumps: { schedule: 'nightly' } }, /^dumps\/schedule: must be five fields/],
  ['no database to dump', { dumps: { databases: [] } }, /^dumps\/databases/],
  ['a database to dump twice', { dumps: { databases: ['a', 'a'] } }, /^dumps\/databases/],
  ["a database that is the server's own", { dumps: { databases: ['postgres'] } }, /^dumps\/databases/],
  ['a site for dumps twice', { dumps: { sites: ['a', 'a'] } }, /^dumps\/sites\/1: is there twice/],
  ['an empty script', { hooks: { pre: { script: ' \n' } } }, /^hooks\/pre\/script: must not be empty/],
  [
    'a script that is too long',
    { hooks: { post: { script: 'é'.repeat(8193) } } },
    /^hooks\/post\/script: .*16384 bytes/,
  ],
  ['a script of DOS', { hooks: { pre: { script: '#!/bin/sh\r\n' } } }, /^hooks\/pre\/script: must be plain text/],
  ['a script that is no UTF-8', { hooks: { pre: { script: '\ud800' } } }, /^hooks\/pre\/script: must be plain text/],
  ['a script without end', { hooks: { pre: { script: 'x', timeoutSeconds: 3601 } } }, /^hooks\/pre\/timeoutSeconds: /],
  ['a script at another time', { hooks: { during: null } }, /^hooks: /],
  ['somebody to tell of what is no event', { notify: [{ event: 'never', to: 'dba' }] }, /^notify\/0\/event: /],
  ['somebody to tell in two lines', { notify: [{ event: 'both', to: 'a\nb' }] }, /^notify\/0\/to: must be one line/],
  ['a field that is not known', { site: 'primary' }, /^: /],
])('a policy with %s is wrong there, and there only', (_what, request, place) => {
  expect(wrongIn(request)).toEqual([expect.stringMatching(place)]);
});

test('a policy is told in one line', () => {
  const policy = {
    sites: ['primary', 'offsite'],
    schedule: { ...DEFAULT_BACKUP_SCHEDULE, differential: null },
    drill: '7 2 * * 3',
    dumps: NO_SCHEDULED_DUMPS,
    timeZone: 'Europe/Paris',
    retention: DEFAULT_BACKUP_RETENTION,
    paused: false,
    hooks: NO_HOOKS,
    notify: [],
  };
  expect(policyInWords(policy)).toBe(
    'on primary and offsite: full 17 1 * * 0, incremental 47 * * * * (Europe/Paris), a drill 7 2 * * 3; kept for 14 days',
  );
  const rare = {
    ...policy,
    schedule: { full: null, differential: null, incremental: null },
    drill: null,
    retention: { unit: 'count', full: 2 },
    paused: true,
  } as const;
  expect(policyInWords(rare)).toBe(
    'on primary and offsite: on demand only, no drills, paused; the last 2 full ones kept',
  );
  const dumped = { ...policy, dumps: { schedule: '30 4 * * *', databases: ['a', 'b'], sites: ['offsite'] } };
  expect(policyInWords(dumped)).toContain('a drill 7 2 * * 3, a dump of databases a, b on offsite 30 4 * * *; kept');
  const script = { script: 'true', timeoutSeconds: 60 };
  const hooked = { ...policy, hooks: { pre: script, post: script }, notify: [{ event: 'both', to: 'dba' } as const] };
  expect(policyInWords(hooked)).toMatch(/kept for 14 days; a script before and after each; dba told$/);
});
