import fc from 'fast-check';
import { parse } from 'pg-connection-string';
import { passLine, uriWithCa } from '../../../api/cli/connect';
import { connectionUri } from '../../../api/http/credentials';
import { pgbouncerUsers } from '../../../activities/gateway/pgbouncer';
import { FEW_RUNS, inImage, many, text, WHO_ENTERS } from './texts';

jest.setTimeout(120_000);

const address = (host: string): { host: string; primaryPort: number; replicaPort: number; pooledPort: number } => ({
  host,
  primaryPort: 5432,
  replicaPort: 5433,
  pooledPort: 6432,
});
const login = fc.record({ username: text, password: text, database: text });
type Login = Record<'username' | 'password' | 'database', string>;
const uriOf = (who: Login, caFile: string): string => {
  const endpoint = { addresses: [address('10.0.0.1'), address('fd00::1')] };
  // The API's leads to the first database, the command's to the one that was asked for.
  const primary = connectionUri({ ...who, database: 'app' }, endpoint, ({ primaryPort }) => primaryPort);
  const uris = { primary, replica: primary, pooled: primary };
  return uriWithCa({ uris }, { port: 'primary', database: who.database }, caFile);
};

test('libpq and the driver of Node read back every part of a URI', async () => {
  const full = (one: string): boolean => one !== '';
  const whole = login.filter((who) => full(who.username) && full(who.password) && full(who.database));
  await fc.assert(
    fc.asyncProperty(many(fc.tuple(whole, text.filter(full))), async (cases) => {
      const seen = await inImage(
        cases.map(([who, caFile]) => uriOf(who, caFile)),
        ['from psycopg2.extensions import parse_dsn', 'print(json.dumps([parse_dsn(uri) for uri in given]))'],
      );
      expect(seen).toEqual(
        cases.map(([{ username: user, password, database: dbname }, sslrootcert]) => ({
          ...{ user, password, dbname, sslrootcert },
          ...{ host: '10.0.0.1,fd00::1', port: '5432,5432', sslmode: 'verify-full' },
        })),
      );
    }),
    FEW_RUNS,
  );
  fc.assert(
    fc.property(whole, (any) => {
      // The driver leaves some escapes of a name as they are; names that users choose have none.
      const who = { ...any, username: 'app_1', database: 'orders' };
      const uri = connectionUri(who, { addresses: [address('10.0.0.1')] }, ({ pooledPort }) => pooledPort);
      const { user, password, database, host, port } = parse(uri.replace('?sslmode=verify-full', ''));
      expect({ username: user, password, database, host, port }).toEqual({ ...who, host: '10.0.0.1', port: '6432' });
    }),
  );
});

test('a line of the password file logs in with every password that a line can hold', async () => {
  const password = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(many(password), async (passwords) => {
      const users = passwords.map((one, i) => pgbouncerUsers(one).replace(/^"\w+"/, `"u${i}"`)).join('');
      const loginWith = (one: string, i: number): object => {
        const user = `u${i}`;
        return { user, passfile: passLine({ username: user, password: one }) };
      };
      const logins = [...passwords.map(loginWith), ...passwords.map((one, i) => loginWith(`${one}x`, i))];
      const entered = await inImage({ users, logins }, WHO_ENTERS);
      expect(entered).toEqual([...passwords.map(() => true), ...passwords.map(() => false)]);
    }),
    FEW_RUNS,
  );
});
