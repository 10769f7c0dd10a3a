import { parseProbe } from '../../../../activities/watch/probe';

/** What the command on a primary prints, read. */

const VOLUME = '1063256064 950000000';
const NEVER = { lagMs: null, lastError: null };
const facts = (change: object = {}): string =>
  JSON.stringify({
    now: '2026-11-21T14:30:00.123456+00:00',
    segment: '000000010000000000000005',
    archivedAt: '2026-11-21T14:29:30.5+00:00',
    waitingBytes: 0,
    waitingSince: null,
    gaveUpAt: null,
    ...change,
  });
const WAITING = { waitingBytes: 33_554_432, waitingSince: '2026-11-21T14:20:00+00:00' };
const printed = (...lines: string[]): string => `${lines.join('\n')}\n`;

test('the lag of the newest segment is from its first commit until all stores had it', () => {
  const commits = ['commit 2026-11-21T14:28:31.000000Z 0/5000060', 'commit 2026-11-21T14:29:02.123456Z 0/5FFFF10'];
  const { segment, newestCommit, figures } = parseProbe(printed(facts(), VOLUME, ...commits), NEVER);
  expect(newestCommit).toEqual({ at: '2026-11-21T14:29:02.123Z', lsn: '0/5FFFF10' });
  expect(segment).toBe('000000010000000000000005');
  expect(figures).toEqual({
    asOf: '2026-11-21T14:30:00.123Z',
    lastArchivedAt: '2026-11-21T14:29:30.500Z',
    lagMs: 59_500,
    oldestWaitingSince: null,
    waitingBytes: 0,
    totalBytes: 1_063_256_064,
    freeBytes: 950_000_000,
    lastError: null,
  });
});

test('without a commit in the newest segment the lag is that of the one before', () => {
  const { newestCommit, figures } = parseProbe(printed(facts(), VOLUME), { ...NEVER, lagMs: 7_000 });
  expect([newestCommit, figures.lagMs]).toEqual([null, 7_000]);
});

test('what is no segment is not taken for one, and none at all is none', () => {
  const label = facts({ segment: '000000010000000000000005.00000028.backup' });
  expect(parseProbe(printed(label, VOLUME), NEVER).segment).toBeNull();
  const never = facts({ segment: null, archivedAt: null });
  expect(parseProbe(printed(never, VOLUME), NEVER)).toMatchObject({ segment: null, figures: { lastArchivedAt: null } });
});

test('what pgBackRest says of the oldest segment is told in its words, while one waits', () => {
  const error = ['error', 'archive-push command encountered error(s):', 'repo1: [HostConnectError] no route'];
  const { figures } = parseProbe(printed(facts(WAITING), VOLUME, ...error), NEVER);
  expect(figures.oldestWaitingSince).toBe('2026-11-21T14:20:00.000Z');
  expect(figures.lastError).toBe('archive-push command encountered error(s):\nrepo1: [HostConnectError] no route');
  expect(parseProbe(printed(facts(), VOLUME, ...error), NEVER).figures.lastError).toBeNull();
  expect(parseProbe(printed(facts(WAITING), VOLUME), NEVER).figures.lastError).toBeNull();
  // It tries again: what it said last is what there is to say.
  const seen = { ...NEVER, lastError: 'repo1: no route' };
  expect(parseProbe(printed(facts(WAITING), VOLUME), seen).figures.lastError).toBe('repo1: no route');
  expect(parseProbe(printed(facts(), VOLUME), seen).figures.lastError).toBeNull();
});

test('where both sites are away, neither keeps the other from being told', () => {
  const long = (site: number): string[] => [
    'error',
    'unable to find:',
    `repo${site}: [HostConnectError] ${'x'.repeat(900)}`,
    '',
  ];
  const { figures } = parseProbe(printed(facts(WAITING), VOLUME, ...long(1), ...long(2)), NEVER);
  expect(figures.lastError).toMatch(/^repo1: .*\n(.*\n)?repo2: /m);
  expect(figures.lastError?.length).toBeLessThanOrEqual(501);
});

test.each(['', 'psql: error', printed('{}', VOLUME), printed(facts(), '')])(
  'what cannot be read is no measurement: %j',
  (text) => expect(() => parseProbe(text, NEVER)).toThrow(),
);
