import { connectionUri } from '../../../../api/http/credentials';
import { describeJsonError } from '../../../../api/http/json-position';
import { decodeCursor, readPage } from '../../../../api/http/pages';
import { fieldErrors } from '../../../../api/http/route';
import { createClusterSchema } from '../../../../domain/schemas/clusters';

test.each([
  ['{"a": x}', 'InvalidSymbol at line 1, column 7'],
  ['{\n  "a": 1,\n}', 'PropertyNameExpected at line 3, column 1'],
  ['', 'ValueExpected at line 1, column 1'],
])('%j is not JSON: %s', (text, where) => {
  expect(describeJsonError(text)).toBe(where);
});

test('a pointer escapes what RFC 6901 says', () => {
  const { error } = createClusterSchema.safeParse({ name: 'a', plan: 'ha-s', 'a/b~c': 1 });
  expect(fieldErrors('body', error?.issues ?? [])).toEqual([
    { in: 'body', pointer: '/a~1b~0c', code: 'unrecognized_keys', message: 'there is no such field' },
  ]);
});

test('IPv6 hosts get brackets, several addresses a list, and the password its escapes', () => {
  const address = (host: string) => ({ host, primaryPort: 5432, replicaPort: 5433, pooledPort: 6432 });
  const uri = connectionUri(
    { username: 'app', password: 'a@b:c/d?e', database: 'app' },
    { addresses: [address('10.0.0.1'), address('fd00::1')] },
    (a) => a.pooledPort,
  );
  expect(uri).toBe('postgresql://app:a%40b%3Ac%2Fd%3Fe@10.0.0.1:6432,[fd00::1]:6432/app?sslmode=verify-full');
});

test('a cursor of another collection, a cut one and a made-up one are refused', async () => {
  const items = ['2', '1'].map((n) => ({ id: `clu_0000000000000000000000000${n}` }));
  const { nextCursor } = await readPage('clu', { limit: 1 }, () => Promise.resolve(items));
  const cursor = nextCursor ?? '';
  expect(decodeCursor('clu', cursor)).toBe('clu_00000000000000000000000002');
  for (const [prefix, text] of [
    ['op', cursor],
    ['clu', cursor.slice(0, -1)],
    ['clu', `${cursor}=`],
    ['clu', 'x'],
  ] as const) {
    expect(() => decodeCursor(prefix, text)).toThrow('invalid field');
  }
});
