import { createAside, dropAside, swapIn } from '../../../../activities/dumps/swap';
import { canDumpAsOf, dumperScript } from '../../../../activities/dumps/role';

const ODD = `it's "odd"`;

test('a database that comes in the place of another one has its name in one transaction', () => {
  expect(swapIn('holdfast_restore_x', ODD, true)).toMatchSnapshot();
});

test('one that nobody shall lose gets its name alone', () => {
  const script = swapIn('holdfast_restore_x', ODD, false);
  expect(script).not.toMatch(/DROP|ALLOW_CONNECTIONS|replaced/);
  expect(script).toMatchSnapshot();
});

test('what is made aside belongs to the owner, and nobody else may enter', () => {
  expect(createAside('holdfast_restore_x', 'app')).toMatchSnapshot();
  expect(dropAside('holdfast_restore_x')).toBe('DROP DATABASE IF EXISTS "holdfast_restore_x" WITH (FORCE);\n');
});

test('a replica is dumped from when it has all that the primary had', () => {
  expect(canDumpAsOf('0/3000148')).toMatch(
    /^SELECT \(\s*SELECT EXISTS[^;]*AND pg_last_wal_replay_lsn\(\) >= '0\/3000148'::pg_lsn$/,
  );
});

test('the role that dumps reads everything, writes nothing and is no superuser', () => {
  expect(dumperScript()).toMatchSnapshot();
});
