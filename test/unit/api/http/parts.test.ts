import { connectionUri } from '../../../../api/http/credentials';
import { describeJsonError, wordsOf } from '../../../../api/http/json-position';
import { decodeCursor, readPage } from '../../../../api/http/pages';
import { fieldErrors, plainWords, sentenceOf } from '../../../../api/http/field-errors';
import { printParseErrorCode } from 'jsonc-parser';
import { z } from 'zod';
import { PLANS } from '../../../../domain/plans';
import { createClusterSchema } from '../../../../domain/schemas/clusters';
import { pageQuery } from '../../../../domain/schemas/pages';
import { tokenRequestSchema } from '../../../../domain/schemas/tokens';

test.each([
  ['{"a": x}', 'at line 1, column 7 text in double quotes was expected, or a number,'],
  ['{\n  "a": 1,\n}', 'at line 3, column 1 the name of a field in double quotes was expected; the comma before it'],
  ["{'a': 1}", 'at line 1, column 2 text in double quotes was expected'],
  ['{"a" 1}', 'at line 1, column 6 a colon was expected after the name of a field'],
  ['{"a": 1 "b": 2}', 'at line 1, column 9 a comma was expected'],
  ['{"a": [1, 2,]}', 'at line 1, column 13 a value was expected; the comma before it is one too many'],
  ['{"a": 1} {}', 'at line 1, column 10 the end was expected'],
  ['{"a": 1 // why\n}', 'at line 1, column 9 a comment begins, and JSON has none'],
  ['{"a": "b', 'at line 1, column 7 the closing double quote of a text is missing'],
  ['{"a": 1', 'it ends too early: at line 1, column 8 a closing brace } was expected'],
  ['', 'it ends too early: at line 1, column 1 a value was expected'],
])('%j is not JSON, and it is said where and what was expected', (text, words) => {
  expect(describeJsonError(text)).toContain(words);
});

test('what is wrong with JSON is told without a word of the text, which may hold a secret', () => {
  for (const text of ['{"password": hunter2}', '{"password": "hunter2', 'hunter2']) {
    expect(describeJsonError(text)).not.toContain('hunter2');
  }
});

test('no error of the JSON parser is told by its code', () => {
  for (let code = 1; printParseErrorCode(code) !== '<unknown ParseErrorCode>'; code++) {
    const words = wordsOf(code);
    expect([printParseErrorCode(code), words]).toEqual([expect.any(String), expect.stringMatching(/ /)]);
    expect(words).not.toBe('it is malformed');
  }
  expect(wordsOf(1)).toContain('expected');
});

test('a pointer escapes what RFC 6901 says', () => {
  const { error } = createClusterSchema.safeParse({ name: 'a', plan: 'ha-s', 'a/b~c': 1 });
  expect(fieldErrors('body', error?.issues ?? [])).toEqual([
    { in: 'body', pointer: '/a~1b~0c', code: 'unrecognized_keys', message: expect.any(String) as string },
  ]);
});

const wrongs = (schema: z.ZodType, value: unknown, where: 'body' | 'query' = 'body'): string => {
  const { error } = schema.safeParse(value, { error: plainWords });
  return sentenceOf(fieldErrors(where, error?.issues ?? []));
};

test('what is wrong is said field by field, in words that tell what would be right', () => {
  expect(wrongs(createClusterSchema, { plan: 'huge', storageGb: 5, allowedIps: ['10.0.0.0/8', 7], version: 18 })).toBe(
    [
      'name: is missing',
      `plan: must be one of ${PLANS.map(({ name }) => name).join(', ')}`,
      'version: must be one of "15", "17", "18", as text in double quotes',
      'allowedIps[1]: must be text',
      'storageGb: is not known: there are name, plan, version, cloud, storage, database, owner, allowedIps, deletionProtection, backups',
    ].join('; '),
  );
  expect(wrongs(createClusterSchema, { name: 'a', plan: 'ha-s', storage: '1GiB' })).toBe(
    'storage: must be 10GiB to 100GiB with plan ha-s',
  );
  expect(wrongs(createClusterSchema, [])).toBe('the body: must be a JSON object');
  expect(wrongs(tokenRequestSchema, { name: '', scopes: [], expiresInDays: 1.5 })).toBe(
    'name: must have at least 1 character; scopes: must have at least 1 entry; expiresInDays: must be a whole number',
  );
  expect(wrongs(z.strictObject(pageQuery), { limit: '1000', cursr: '' }, 'query')).toBe(
    '?limit: must be at most 200; ?cursr: is not known: there are limit, cursor',
  );
  expect(wrongs(z.strictObject({}), { a: 1 })).toBe('a: is not known: there is nothing to set here');
});

test('a sentence has room for five; the others are counted', () => {
  const allowedIps = Array.from({ length: 9 }, () => 'x');
  const sentence = wrongs(createClusterSchema, { name: 'a', plan: 'ha-s', allowedIps });
  expect(sentence.match(/must be a network/g)).toHaveLength(5);
  expect(sentence).toMatch(/; and 4 more, all of them in errors\[\]$/);
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
    expect(() => decodeCursor(prefix, text)).toThrow('?cursor: is not a cursor of this list');
  }
});
