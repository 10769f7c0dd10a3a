import { parseInfo } from '../../../../activities/pgbackrest/info';

/** What `pgbackrest info --output=json` of 2.5x and 2.60 prints, cut down to one repository where it says so. */

const PATH = '/tl_x/backup/tl_x';

const backup = (key: number, label: string, more: object = {}): object => ({
  annotation: { holdfast: 'bkp_0000000000000000000000000a', owner: 'somebody' },
  archive: { start: '000000010000000000000003', stop: '000000010000000000000003' },
  backrest: { format: 5, version: '2.60.0' },
  database: { id: 1, 'repo-key': key },
  error: false,
  info: {
    delta: 31_457_280,
    repository: { delta: 4_194_304, 'delta-map': 12_288, size: 4_194_304, 'size-map': 12_288 },
    size: 31_457_280,
  },
  label,
  lsn: { start: '0/3000028', stop: '0/3000158' },
  prior: null,
  reference: null,
  timestamp: { start: 1_795_242_600, stop: 1_795_242_612 },
  type: 'full',
  ...more,
});

const archiveOf = (key: number, min: string | null, max: string | null): object => ({
  database: { id: 1, 'repo-key': key },
  id: '18-1',
  max,
  min,
});

interface Parts {
  readonly archive?: object[];
  readonly backup?: object[];
  readonly repo?: { key: number; code: number; message: string }[];
}
const infoOf = ({ archive = [], backup: backups = [], repo = [{ key: 1, code: 0, message: 'ok' }] }: Parts): string =>
  JSON.stringify([
    {
      archive,
      backup: backups,
      cipher: 'aes-256-cbc',
      db: [{ id: 1, 'repo-key': 1, 'system-id': 7_575_000_000_000_000_000, version: '18' }],
      name: 'tl_x',
      repo: repo.map(({ key, code, message }) => ({ cipher: 'aes-256-cbc', key, status: { code, message } })),
      status: { code: 0, lock: { backup: { held: false } }, message: 'ok' },
    },
  ]);

test('a set is told with the backup that it was taken for, its type and sizes, and where it lies', () => {
  const info = infoOf({
    archive: [archiveOf(1, '000000010000000000000001', '000000010000000000000004')],
    backup: [
      backup(1, '20261121-063000F'),
      backup(1, '20261121-063000F_20261121-070000D', { type: 'diff', prior: '20261121-063000F' }),
      backup(1, '20261121-063000F_20261121-074700I', { type: 'incr', annotation: undefined }),
    ],
  });
  const { sets, ...rest } = parseInfo(info, 1, PATH);
  expect(rest).toEqual({ trouble: null, hasStanza: true });
  expect(sets[0]).toEqual({
    backupId: 'bkp_0000000000000000000000000a',
    setId: '20261121-063000F',
    type: 'full',
    path: `${PATH}/20261121-063000F`,
    storedBytes: 4_194_304,
    databaseBytes: 31_457_280,
    tool: 'pgBackRest 2.60.0',
    startedAt: new Date(1_795_242_600_000).toISOString(),
    finishedAt: new Date(1_795_242_612_000).toISOString(),
    startLsn: '0/3000028',
    stopLsn: '0/3000158',
    damaged: false,
  });
  expect(sets.map(({ type, backupId }) => [type, backupId])).toEqual([
    ['full', 'bkp_0000000000000000000000000a'],
    ['differential', 'bkp_0000000000000000000000000a'],
    ['incremental', null],
  ]);
});

test('what another repository has is not counted', () => {
  const info = infoOf({
    archive: [archiveOf(1, null, null), archiveOf(2, null, '00000002000000000000000A')],
    backup: [backup(2, '20261121-063000F')],
    repo: [
      { key: 1, code: 2, message: 'no valid backups' },
      { key: 2, code: 0, message: 'ok' },
    ],
  });
  expect(parseInfo(info, 1, PATH)).toEqual({ trouble: null, hasStanza: true, sets: [] });
  expect(parseInfo(info, 2, PATH)).toMatchObject({
    sets: [{ setId: '20261121-063000F' }],
  });
});

test('a set with pages whose checksums did not fit is damaged', () => {
  const info = infoOf({ backup: [backup(1, 'a', { error: true }), backup(1, 'b'), backup(1, 'c', { error: null })] });
  expect(parseInfo(info, 1, PATH).sets.map(({ damaged }) => damaged)).toEqual([true, false, false]);
});

test.each([
  ['no stanza yet', 1, 'missing stanza path', false],
  ['a stanza without data', 3, 'missing stanza data', false],
  ['no backup yet', 2, 'no valid backups', true],
])('%s is no trouble', (_, code, message, hasStanza) => {
  const info = parseInfo(infoOf({ repo: [{ key: 1, code, message }] }), 1, PATH);
  expect(info).toEqual({ trouble: null, hasStanza, sets: [] });
});

test('a store that has no stanza of that name says nothing at all', () => {
  expect(parseInfo('[]', 1, PATH)).toEqual({ trouble: null, hasStanza: false, sets: [] });
});

test('a store that does not answer is trouble, in the words of pgBackRest', () => {
  const message = '[HostConnectError] unable to connect to site.example.net:443';
  const info = parseInfo(infoOf({ repo: [{ key: 1, code: 99, message }] }), 1, PATH);
  expect(info).toMatchObject({ trouble: message, hasStanza: false });
});

test.each(['', 'no json', '{}', '[{}]', '[{"archive":[],"backup":[{}],"repo":[]}]'])(
  'what is no answer of pgBackRest is refused: %j',
  (text) => expect(() => parseInfo(text, 1, PATH)).toThrow(),
);
