import { identifier, script, sql, unless } from '../../../activities/postgres/sql';

test('a text becomes a literal, whatever it holds', () => {
  expect(sql`SELECT ${"O'Reilly; DROP TABLE x --"}`).toBe("SELECT 'O''Reilly; DROP TABLE x --'");
});

test('a name becomes a quoted identifier', () => {
  expect(sql`DROP ROLE ${identifier('we"ird')}`).toBe('DROP ROLE "we""ird"');
});

test('NUL is refused: PostgreSQL cannot hold it', () => {
  expect(() => sql`SELECT ${'a\0b'}`).toThrow('NUL');
});

test('a guarded statement runs only when its guard selects nothing', () => {
  expect(unless(sql`SELECT 1 FROM t WHERE n = ${'a'}`, sql`CREATE ROLE ${identifier('a')}`)).toBe(
    `SELECT 'CREATE ROLE "a"' WHERE NOT EXISTS (SELECT 1 FROM t WHERE n = 'a') \\gexec\n`,
  );
});

test('statements of a script end with a semicolon each', () => {
  expect(script(sql`SELECT 1`, sql`SELECT 2`)).toBe('SELECT 1;\nSELECT 2;\n');
});
