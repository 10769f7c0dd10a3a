import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSites } from '../../../../activities/storage/sites-file';

/** The sites file: what it may say, and how what is wrong with it is told. */

let home: string;
beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'sites-'))));
afterEach(() => rmSync(home, { recursive: true }));

const SITE = {
  name: 'primary',
  endpoint: 'https://s3.example.net:9000',
  bucket: 'holdfast',
  accessKey: 'AKEY',
  secretKey: 'never-to-be-told',
};
function put(text: string, mode = 0o600, name = 'sites.json'): string {
  writeFileSync(join(home, name), text, { mode });
  return join(home, name);
}
const read = (named: string | null = null) => readSites({ HOLDFAST_HOME: home, HOLDFAST_SITES: named });
const withSite = (change: object): string => JSON.stringify({ sites: [{ ...SITE, ...change }] });

test('without a file there are no sites; one that was named has to be there', async () => {
  expect(await read()).toEqual([]);
  await expect(read(join(home, 'mine.json'))).rejects.toThrow(/HOLDFAST_SITES names .*mine\.json.* no such file/);
});

test('what is left out has its default, and the order stays', async () => {
  put(JSON.stringify({ sites: [SITE, { ...SITE, name: 'offsite', endpoint: 'https://Other.example.net:443/' }] }));
  expect(await read()).toEqual([
    {
      name: 'primary',
      endpoint: 'https://s3.example.net:9000',
      hostEndpoint: 'https://s3.example.net:9000',
      region: 'us-east-1',
      bucket: 'holdfast',
      pathStyle: true,
      caPem: null,
      accounts: 'shared',
      clouds: ['docker', 'static'],
      keys: { accessKey: 'AKEY', secretKey: 'never-to-be-told' },
    },
    expect.objectContaining({ name: 'offsite', endpoint: 'https://other.example.net' }),
  ]);
});

test('a file that was named goes before the one in the home; its authority lies beside it', async () => {
  put(JSON.stringify({ sites: [] }));
  const pem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  put(pem, 0o644, 'ca.crt');
  const sites = await read(put(withSite({ caFile: 'ca.crt' }), 0o600, 'mine.json'));
  expect(sites).toMatchObject([{ caPem: pem }]);
});

test.each([
  ['no TLS', { endpoint: 'http://s3.example.net' }, /sites\.0\.endpoint: must be https:\/\/host/],
  ['a path', { endpoint: 'https://s3.example.net/bucket' }, /sites\.0\.endpoint: must be https/],
  ['a user in the address', { endpoint: 'https://a:b@s3.example.net' }, /sites\.0\.endpoint: must be https/],
  ['no address', { hostEndpoint: 's3' }, /sites\.0\.hostEndpoint: must be https/],
  ['a name that is none', { name: 'Primary' }, /sites\.0\.name: must be 1 to 31 lower-case letters/],
  ['a bucket that is none', { bucket: 'No_Bucket' }, /sites\.0\.bucket: must be the name of a bucket/],
  ['a long bucket', { bucket: 'b'.repeat(34), accounts: 'versitygw' }, /sites\.0\.bucket: .* at most 33 characters/],
  ['no such cloud', { clouds: ['moon'] }, /sites\.0\.clouds\.0: /],
  ['no clouds', { clouds: [] }, /sites\.0\.clouds: must name a cloud/],
  ['a key with a blank', { secretKey: 'never-to-be-told twice' }, /sites\.0\.secretKey: must be a key/],
  ['a field that is none', { verifyTls: false }, /sites\.0: .*verifyTls/],
  ['an authority that is not there', { caFile: 'nowhere.crt' }, /sites\.0\.caFile: .*nowhere\.crt can't be read/],
  ['an authority that is none', { caFile: 'sites.json' }, /sites\.0\.caFile: .* holds no certificate/],
])('%s is refused by its field', async (_what, change, message) => {
  put(withSite(change));
  const failure: unknown = await read().catch((error: unknown) => error);
  expect(String(failure)).toMatch(message);
  expect(String(failure)).not.toContain('never-to-be-told');
});

test('two sites of one name, something else than sites, and a file that is no JSON', async () => {
  put(JSON.stringify({ sites: [SITE, SITE] }));
  await expect(read()).rejects.toThrow(/sites: must have names of their own/);
  put('[]');
  await expect(read()).rejects.toThrow(/the whole: /);
  put('{"sites": [\n  {"secretKey": "never-to-be-told" "name": 1}]}');
  const failure: unknown = await read().catch((error: unknown) => error);
  expect(String(failure)).toMatch(/it is no JSON, line 2: /);
  expect(String(failure)).not.toContain('never-to-be-told');
});

test('a file that others can read is refused, with the remedy', async () => {
  const file = put(withSite({}), 0o640);
  await expect(read()).rejects.toThrow(`chmod 600 ${file}`);
});
