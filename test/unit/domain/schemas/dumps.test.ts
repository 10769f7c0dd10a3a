import { dumpDatabaseSchema } from '../../../../domain/schemas/dumps';

test.each(['postgres', 'template0', 'template1', 'pgbouncer', 'holdfast_restore_x', '', 'ü'.repeat(32), 'a\0b'])(
  '%j is no database that a dump may come into',
  (name) => {
    expect(dumpDatabaseSchema.safeParse(name).success).toBe(false);
  },
);

test.each(['app', 'pgbouncer_stats', `it's "odd"`, 'ü'.repeat(31)])('%j is one', (name) => {
  expect(dumpDatabaseSchema.safeParse(name).success).toBe(true);
});
