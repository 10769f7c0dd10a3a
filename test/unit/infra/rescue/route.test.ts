import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { branchesInWords } from '../../../../activities/pgbackrest/branches';
import { projectRoot } from '../../../../activities/project-root';
import type { BackupCopy, RestoreTarget } from '../../../../domain/backups';
import type { Fork } from '../../../../domain/swaps';
import { routeTo } from '../../../../domain/swaps';

/** Where a restore in place has left the log, the rescue script goes the way that Holdfast would. */

const SCRIPT = readFileSync(join(projectRoot(), 'infra', 'rescue', 'rescue.sh'), 'utf8');
const [ROUTE] = /^route\(\) \{\n[^]*?^\}\n/m.exec(SCRIPT) ?? [''];
const SITES = ['primary', 'secondary'];

const at = (minute: number): string => new Date(Date.UTC(2026, 10, 21, 12, minute)).toISOString();
const lsnAt = (minute: number): string => `0/${(minute + 16).toString(16).toUpperCase()}000000`;

/** At 10 back to what was there at 2, at 20 that is undone, at 30 back to 25. */
const FORKS: readonly Fork[] = [
  {
    operationId: 'op_1',
    oldLog: 1,
    forkLsn: lsnAt(2),
    forksFrom: 0,
    swappedAt: at(10),
    lastCommitAt: at(9),
    lastCommitLsn: lsnAt(9),
  },
  {
    operationId: 'op_2',
    oldLog: 2,
    forkLsn: lsnAt(10),
    forksFrom: 0,
    swappedAt: at(20),
    lastCommitAt: null,
    lastCommitLsn: null,
  },
  {
    operationId: 'op_3',
    oldLog: 3,
    forkLsn: lsnAt(25),
    forksFrom: 2,
    swappedAt: at(30),
    lastCommitAt: at(29),
    lastCommitLsn: lsnAt(29),
  },
];

const copy = (site: string, minute: number, damaged = false): BackupCopy => ({
  site,
  setId: `${site}-${minute}`,
  type: 'full',
  path: '',
  storedBytes: 0,
  startedAt: at(minute),
  finishedAt: at(minute),
  startLsn: lsnAt(minute),
  stopLsn: lsnAt(minute),
  damaged,
  removedAt: null,
  databaseBytes: null,
  manifestSha256: null,
  lastVerifiedAt: null,
});
const COPIES = [
  ...[0, 5, 12, 22, 27, 33].map((minute) => copy('primary', minute)),
  ...[1, 12, 28].map((minute) => copy('secondary', minute)),
  copy('primary', 34, true),
];

/** As `pgbackrest info` tells of them. */
const info = (forks: readonly Fork[], copies: readonly BackupCopy[]): string =>
  JSON.stringify([
    {
      backup: copies.map(({ site, setId, finishedAt, stopLsn, damaged }) => ({
        annotation: {
          holdfast: 'bkp_1',
          // A set tells of what came before it.
          ...(forks.length > 0 && {
            'holdfast-branches': branchesInWords(forks.filter(({ swappedAt }) => swappedAt <= at(34))),
          }),
        },
        database: { 'repo-key': SITES.indexOf(site) + 1 },
        error: damaged,
        label: setId,
        lsn: { stop: stopLsn },
        timestamp: { stop: Date.parse(finishedAt) / 1_000 },
      })),
    },
  ]);

const route = (input: string, time: string | null, repository: string): string[] =>
  execFileSync(
    'sh',
    ['-c', `${ROUTE}\nroute "$1" "$2"`, 'sh', time === null ? '' : String(Date.parse(time) / 1_000), repository],
    {
      input,
      encoding: 'utf8',
    },
  )
    .split('\n')
    .filter((line) => line !== '');

/** What Holdfast would do, in the words of the script. */
function wanted(time: string | null, site: string | null): string[] {
  const target: RestoreTarget = time === null ? { kind: 'latest' } : { kind: 'time', time };
  const { log, endLsn, copies } = routeTo(
    FORKS,
    target,
    COPIES.filter((one) => site === null || one.site === site),
  );
  const words = time === null ? 'default -' : endLsn === null ? 'time -' : `lsn ${endLsn}`;
  const lines = copies.map((one) => `${SITES.indexOf(one.site) + 1} ${one.setId} ${log ?? '-'} ${words}`);
  return lines.length === 0 ? ['none'] : lines.sort();
}

test('the script is cut where it should be', () => expect(ROUTE).toContain('perl'));

test.each([null, ...Array.from({ length: 36 }, (_, minute) => at(minute)), '2026-11-21T12:09:59.500Z'])(
  'a rescue to %s goes the way that a restore goes',
  (time) => {
    expect(route(info(FORKS, COPIES), time, '')).toEqual(wanted(time, null));
    expect(route(info(FORKS, COPIES), time, '2')).toEqual(wanted(time, 'secondary'));
  },
);

test('of a log that never branched it says nothing: pgBackRest finds the way', () => {
  expect(route(info([], COPIES), at(8), '')).toEqual([]);
  expect(route('[{"backup":[]}]', at(8), '')).toEqual([]);
});
