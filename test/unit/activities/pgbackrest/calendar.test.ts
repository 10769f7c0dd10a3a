import { calendarOf } from '../../../../activities/pgbackrest/calendar';

/** That systemd reads them as croner does is seen on a real host: test/backups/backups.test.ts. */

test.each([
  ['17 1 * * 0', 'UTC', 'Sun *-*-* 01:17:00 UTC'],
  ['17 1 * * 1-6', 'UTC', 'Mon,Tue,Wed,Thu,Fri,Sat *-*-* 01:17:00 UTC'],
  ['47 * * * *', 'Europe/Paris', '*-*-* *:47:00 Europe/Paris'],
  ['*/20 8-18/5 * * mon-fri', 'UTC', 'Mon,Tue,Wed,Thu,Fri *-*-* 08,13,18:00,20,40:00 UTC'],
  ['0 3 1,15 jan,JUL *', 'UTC', '*-01,07-01,15 03:00:00 UTC'],
  ['5 4 * * 5-7', 'UTC', 'Sun,Fri,Sat *-*-* 04:05:00 UTC'],
  ['0 0 */10 * *', 'UTC', '*-*-01,11,21,31 00:00:00 UTC'],
  ['* * * * *', 'UTC', '*-*-* *:*:00 UTC'],
])('%s in %s is %s', (cron, zone, calendar) => {
  expect(calendarOf(cron, zone)).toBe(calendar);
});
