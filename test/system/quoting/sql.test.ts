import fc from 'fast-check';
import { Client } from 'pg';
import { identifier, script, sql, unless } from '../../../activities/postgres/sql';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { demandSuccess, runTool } from '../support/image-tools';
import { FEW_RUNS, many, text } from './texts';

jest.setTimeout(120_000);

let database: TestDatabase;
let client: Client;
beforeAll(async () => {
  database = await createTestDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

describe.each(['on', 'off'])('with standard_conforming_strings %s', (setting) => {
  beforeAll(() => client.query(`set standard_conforming_strings = ${setting}; set escape_string_warning = off`));

  test('PostgreSQL reads every text back from its literal', async () => {
    await fc.assert(
      fc.asyncProperty(text, async (value) => {
        const { rows } = await client.query<{ v: string }>(sql`SELECT ${value} AS v`);
        expect(rows).toEqual([{ v: value }]);
      }),
      { numRuns: 500 },
    );
  });

  test('and every name from its identifier', async () => {
    const name = text.filter((one) => one !== '' && Buffer.byteLength(one) <= 63);
    await fc.assert(
      fc.asyncProperty(name, async (value) => {
        const { fields } = await client.query(sql`SELECT 1 AS ${identifier(value)}`);
        expect(fields.map((field) => field.name)).toEqual([value]);
      }),
      { numRuns: 500 },
    );
  });
});

test('psql, which has a language of its own, gives every text back, also through \\gexec', async () => {
  await fc.assert(
    fc.asyncProperty(many(text), async (values) => {
      const statements = values.map(
        (value) => sql`SELECT pg_catalog.encode(pg_catalog.convert_to(${value}, 'UTF8'), 'hex')`,
      );
      expect(await psql(script(...statements))).toEqual(values.map(hex));
      const never = sql`SELECT WHERE false`;
      expect(await psql(statements.map((statement) => unless(never, statement)).join(''))).toEqual(values.map(hex));
    }),
    FEW_RUNS,
  );
});

const hex = (value: string): string => Buffer.from(value).toString('hex');

async function psql(input: string): Promise<string[]> {
  const encoded = Buffer.from(input).toString('base64');
  const command = `echo ${encoded} | base64 -d | PGCLIENTENCODING=UTF8 psql -XAtq -v ON_ERROR_STOP=1 '${database.url}'`;
  return demandSuccess(await runTool(command))
    .split('\n')
    .slice(0, -1);
}
