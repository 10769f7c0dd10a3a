import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EXIT } from '../../../../api/cli/exit';
import { fetchDump } from '../../../../api/cli/fetch-dump';
import type { TlsStore } from '../../../support/tls-store';
import { startTlsStore } from '../../../support/tls-store';

/** A dump is fetched into a file, over TLS as from a real store. */

const CONTENT = 'what was stored';

let folder: string;
let file: string;
let store: TlsStore;
let download: Parameters<typeof fetchDump>[0];
/** Done when the store is asked. */
let whenAsked: () => void;
let asked = 0;

beforeAll(async () => {
  store = await startTlsStore((_request, response) => {
    asked++;
    whenAsked();
    response.end(CONTENT);
  });
  download = {
    url: `${store.url}/bucket/key`,
    site: 'primary',
    checksum: createHash('sha256').update(CONTENT).digest('hex'),
    caCertificate: store.ca,
  };
});
afterAll(() => store.close());
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'fetched-'));
  file = path.join(folder, 'orders.tar');
  whenAsked = () => undefined;
  asked = 0;
});
afterEach(() => rmSync(folder, { recursive: true }));

const written = (): string[] => readdirSync(folder).map((name) => readFileSync(path.join(folder, name), 'utf8'));
const refusal = {
  exitCode: EXIT.usage,
  message: expect.stringMatching(/orders\.tar is there already.* --force/) as string,
};

test('it is written where nothing is', async () => {
  await fetchDump(download, file, false);
  expect(written()).toEqual([CONTENT]);
});

test('a file that is there is left as it is, and nothing is fetched', async () => {
  writeFileSync(file, 'mine');
  await expect(fetchDump(download, file, false)).rejects.toMatchObject(refusal);
  expect([written(), asked]).toEqual([['mine'], 0]);
});

test('so is one that somebody puts there while the dump comes', async () => {
  whenAsked = () => writeFileSync(file, 'mine');
  await expect(fetchDump(download, file, false)).rejects.toMatchObject(refusal);
  expect(written()).toEqual(['mine']);
});

test('with --force it takes the place of the file, once all of it is there', async () => {
  writeFileSync(file, 'mine');
  await expect(fetchDump({ ...download, checksum: 'another' }, file, true)).rejects.toThrow('checksum');
  expect(written()).toEqual(['mine']);
  await fetchDump(download, file, true);
  expect(written()).toEqual([CONTENT]);
});
