import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type CliSettings, readSettings } from '../../../../api/cli/settings';

let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'settings-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function home(name: string, files: Readonly<Record<string, string>>): string {
  const at = path.join(folder, name);
  mkdirSync(at);
  for (const [file, text] of Object.entries(files)) writeFileSync(path.join(at, file), `${text}\n`);
  return at;
}
const read = (environment: NodeJS.ProcessEnv, option?: string): CliSettings =>
  readSettings(option, { XDG_CACHE_HOME: '/cache', ...environment });

test('URL and token are those of the home, and certificates lie there', () => {
  const at = home('a', { url: 'http://127.0.0.1:8099', token: 'hft_a' });
  expect(read({ HOLDFAST_HOME: at })).toEqual({
    url: 'http://127.0.0.1:8099',
    token: 'hft_a',
    tokenSource: path.join(at, 'token'),
    caFolder: path.join(at, 'ca'),
  });
});

test('the option goes before HOLDFAST_URL, and both before the file; certificates of another API are kept apart', () => {
  const at = home('a', { url: 'http://127.0.0.1:8099', token: 'hft_a' });
  const named = { HOLDFAST_HOME: at, HOLDFAST_URL: 'http://other:1/' };
  expect(read(named)).toMatchObject({ url: 'http://other:1', caFolder: '/cache/holdfast/ca' });
  expect(read(named, 'http://third:2')).toMatchObject({ url: 'http://third:2', caFolder: '/cache/holdfast/ca' });
  expect(read({ HOLDFAST_HOME: at, HOLDFAST_URL: '' })).toMatchObject({ url: 'http://127.0.0.1:8099' });
});

test('a home without a URL is one of before: the usual one, and the token that is there', () => {
  expect(read({ HOLDFAST_HOME: home('a', { token: 'hft_a' }) })).toMatchObject({
    url: 'http://127.0.0.1:8080',
    token: 'hft_a',
    caFolder: '/cache/holdfast/ca',
  });
});

test('HOLDFAST_TOKEN goes before the file', () => {
  const at = home('a', { url: 'http://127.0.0.1:8099', token: 'hft_a' });
  const own = read({ HOLDFAST_HOME: at, HOLDFAST_TOKEN: 'hft_own' });
  expect(own).toMatchObject({ token: 'hft_own', tokenSource: 'HOLDFAST_TOKEN', url: 'http://127.0.0.1:8099' });
});

const asRoot = process.getuid?.() === 0 ? test : test.skip;
asRoot('a token of the environment is not sent to a URL that someone else wrote', () => {
  const at = home('a', { url: 'http://evil:1', token: 'hft_a' });
  chownSync(path.join(at, 'url'), 12345, 12345);
  expect(read({ HOLDFAST_HOME: at, HOLDFAST_TOKEN: 'hft_own' }).url).toBe('http://127.0.0.1:8080');
});
