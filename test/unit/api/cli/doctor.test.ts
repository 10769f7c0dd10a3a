import { psqlFinding } from '../../../../api/cli/doctor/machine';

test.each([
  ['psql (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)', 'of PostgreSQL 15, and clusters can have 18'],
  ['psql (PostgreSQL) 18.1', 'It is on the PATH.'],
  ['psql (PostgreSQL) 19beta1', 'It is on the PATH.'],
])('%s: %s', (told, what) => {
  const found = psqlFinding(told);
  // A warning at most: it connects all the same.
  expect(found).toMatchObject({ ok: true, what: expect.stringContaining(what) as string });
  expect(found.remedy === null).toBe(what === 'It is on the PATH.');
});
