import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { judgeCertificates, judgeGateways, judgeMembers, judgeStandbys, LAGGING_BYTES } from '../../../domain/watching';

/** What is said of the parts of a cluster by what was seen of them. */

const DAY_MS = 86_400_000;
const now = Date.UTC(2026, 10, 23);
const inDays = (days: number): string => new Date(now + days * DAY_MS).toISOString();

test('a standby that does not stream is named, and whether commits go on', () => {
  const streams = (name: 'pg-2' | 'pg-3', lagBytes = 0) => ({ name, lagBytes });
  expect(judgeStandbys(['pg-2', 'pg-3'], [streams('pg-2'), streams('pg-3')])).toMatchObject({
    reason: 'Streaming',
    status: true,
  });
  expect(judgeStandbys(['pg-2', 'pg-3'], [streams('pg-2')])).toMatchObject({
    reason: 'NotStreaming',
    status: false,
    message: 'pg-3 receives nothing from the primary. Another standby acknowledges.',
  });
  expect(judgeStandbys(['pg-2', 'pg-3'], [])?.message).toContain('pg-2 and pg-3 receives nothing');
  expect(judgeStandbys(['pg-2', 'pg-3'], [])?.message).toContain('No commit is acknowledged');
  expect(judgeStandbys(['pg-2'], [streams('pg-2', LAGGING_BYTES)])?.reason).toBe('Streaming');
  expect(judgeStandbys(['pg-2'], [streams('pg-2', LAGGING_BYTES + 1)])).toMatchObject({
    reason: 'Lagging',
    status: false,
  });
});

test('of a cluster without standbys nothing is said of them', () => {
  expect(judgeStandbys([], [])).toBeNull();
});

test('gateways that do not answer are named with what does not, and whether another one serves', () => {
  const serves = { name: 'gw-1', deaf: [] } as const;
  expect(judgeGateways([serves, { name: 'gw-2', deaf: [] }])).toMatchObject({ reason: 'Serving', status: true });
  expect(judgeGateways([serves, { name: 'gw-2', deaf: ['6432'] }])).toMatchObject({
    reason: 'NotServing',
    status: false,
    message: 'No answer from gw-2 (6432). Another gateway serves.',
  });
  expect(judgeGateways([{ name: 'gw-1', deaf: ['host'] }]).message).toContain('Nobody reaches the cluster');
});

test('members of etcd that are away are named, and whether the others have a quorum', () => {
  expect(judgeMembers([], 3)).toMatchObject({ reason: 'AllMembers', status: true });
  expect(judgeMembers(['pg-3'], 3)).toMatchObject({ reason: 'MembersAway', status: false });
  expect(judgeMembers(['pg-3'], 3).message).toContain('The others have a quorum');
  expect(judgeMembers(['pg-2', 'pg-3'], 3).message).toContain('no quorum');
  expect(judgeMembers(['pg-1'], 1).message).toContain('no quorum');
});

test('a certificate is told of a month before its end, and after it', () => {
  const ends = (days: number) =>
    judgeCertificates(
      [
        { node: 'pg-1', endsAt: inDays(days) },
        { node: 'pg-2', endsAt: inDays(300) },
      ],
      now,
    );
  expect(ends(31)).toMatchObject({ reason: 'Valid', status: true });
  expect(ends(29)).toMatchObject({
    reason: 'EndSoon',
    status: false,
    message: 'Certificates end: pg-1 on 2026-12-22.',
  });
  expect(ends(-1)).toMatchObject({ reason: 'Ended', status: false });
});

test.each([
  ['DiskSpace', ['Enough', 'Filling', 'NearlyFull', 'WritesRefused', 'Full']],
  ['StandbysStream', ['Streaming', 'Lagging', 'NotStreaming']],
  ['EtcdWhole', ['AllMembers', 'MembersAway']],
  ['GatewaysServe', ['Serving', 'NotServing']],
  ['CertificatesValid', ['Valid', 'EndSoon', 'Ended']],
])('docs/watching.md says of each reason of %s what to do', (type, reasons) => {
  const page = readFileSync(join(__dirname, '../../../docs/watching.md'), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| '));
  const first = rows.findIndex((row) => row.includes(`\`${type}\``));
  expect(rows.slice(first, first + reasons.length).map((row) => row.split('|')[2]?.trim())).toEqual(
    reasons.map((reason) => `\`${reason}\``),
  );
});
