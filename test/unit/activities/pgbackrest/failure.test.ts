import { whatFailed } from '../../../../activities/pgbackrest/failure';
import type { SiteCheck } from '../../../../domain/sites';
import { lineageOn } from '../../../support/lineage';

/** What people are told of the words in which pgBackRest 2.60 has failed. */

const [repository] = lineageOn(['primary']).repositories;
if (!repository) throw new Error('no repository');
const { place } = repository;
const WELL: SiteCheck = { site: 'primary', ok: true, message: 'fine', remedy: null, durationMs: 1 };
const tell = (error: string, check: SiteCheck = WELL): Promise<string> =>
  whatFailed({ check: () => Promise.resolve(check) }, place, `P00   INFO: backup command begin\nP00  ERROR: ${error}`);
const loading = (cause: string): string =>
  `[101]: unable to load info file '/tl/backup/tl/backup.info' or '/tl/backup/tl/backup.info.copy':\n     ${cause}\n     HINT: backup.info cannot be opened and is required to perform a backup.`;

test.each([
  [
    'ServiceError: [500] Internal Server Error',
    /has trouble of its own\. .* \(ServiceError: \[500\] Internal Server Error\)$/,
  ],
  ['ServiceError: [503] Service Unavailable', /trouble of its own/],
  [
    'ServiceError: [507] Insufficient Storage',
    /^The store at https:\/\/primary\.example\.net:7443 is full\. Give it more disk/,
  ],
  ["FileReadError: timeout after 20000ms waiting for read from 'localhost:19443'", /takes too long/],
  [
    "HostConnectError: unable to connect to 'localhost:19443 (127.0.0.1)': [111] Connection refused",
    /^Nothing answers at/,
  ],
  [
    "CryptoError: unable to verify certificate presented by 'localhost:19443 (127.0.0.1)': [18] self-signed certificate",
    /not to be trusted.*caFile/,
  ],
  [
    "CryptoError: unable to find hostname 'localhost' in certificate common name or subject alternative names",
    /not to be trusted/,
  ],
  [
    'ProtocolError: HTTP request failed with 403 (Forbidden):\n *** Response Content ***:\n <Error><Code>InvalidAccessKeyId</Code></Error>',
    /does not know the keys/,
  ],
  [
    'ProtocolError: HTTP request failed with 403 (Forbidden):\n *** Response Content ***:\n <Error><Code>QuotaExceeded</Code></Error>',
    /is full/,
  ],
  ['ProtocolError: HTTP request failed with 403 (Forbidden):', /not allowed/],
])('%s', async (cause, told) => {
  expect(await tell(loading(cause))).toMatch(told);
});

test('what says nothing of the store is told as it is, with what is wrong with the store, if anything', async () => {
  const late = '[082]: WAL segment 000000010000000000000009 was not archived before the 300000ms timeout\nHINT: check';
  const words = '[082]: WAL segment 000000010000000000000009 was not archived before the 300000ms timeout';
  expect(await tell(late)).toBe(words);
  const full = { ...WELL, ok: false, message: 'The store is full.', remedy: 'Give it more disk.' };
  expect(await tell(late, full)).toBe(`The store is full. Give it more disk. (${words})`);
});

test('a clock that was put back is told as such', async () => {
  const label = "[029]: new backup label '20261121-010000F' is not later than latest backup label '20261121-020000F'";
  expect(await tell(label)).toMatch(/^The clock of the host is behind .* NTP; .*20261121-020000F/);
});

test.each([
  '[101]: TLS error [1:167772454] unexpected eof while reading',
  "[124]: unable to connect to '10.213.34.69:8432': [113] No route to host",
])('%s: the store is to blame when it does not answer here either, and else another node may be', async (words) => {
  const away = { ...WELL, ok: false, message: 'Nothing answers at the store.', remedy: 'Start it.' };
  expect(await tell(words, away)).toBe(`Nothing answers at the store. Start it. (${words})`);
  expect(await tell(words)).toMatch(/^A connection broke: to another data node.*, which answers\. \(\[1/);
});
