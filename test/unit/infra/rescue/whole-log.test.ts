import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../../../activities/project-root';

/** When the rescue script says that a cluster runs: not when a store failed while its log was read. */

const SCRIPT = readFileSync(join(projectRoot(), 'infra', 'rescue', 'rescue.sh'), 'utf8');
const cut = (name: string): string =>
  new RegExp(`^${name}\\(\\) \\{[^]*?\\}\\n(?=\\n|\\w)`, 'm').exec(SCRIPT)?.[0] ?? '';
const LINES = ['start', 'demand_whole_log', 'say', 'fail'].map(cut);

/* As the log of PostgreSQL has it: what restore_command says stands in it, too. */
const started = '2026-11-21 14:10:00.000 UTC [7] LOG:  starting PostgreSQL 17.6 (Debian 17.6-0+deb13u1)';
const got = 'P00   INFO: archive-get command end: completed successfully (31ms)';
const lost = 'P00   INFO: archive-get command end: aborted with exception [103]';
const complete = '2026-11-21 14:10:02.000 UTC [11] LOG:  archive recovery complete';
const ready = '2026-11-21 14:10:03.000 UTC [7] LOG:  database system is ready to accept connections';
const short = '2026-11-21 14:10:02.000 UTC [11] FATAL:  recovery ended before configured recovery target was reached';

let folder: string;
let data: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-rescue-log-'));
  data = join(folder, 'rescue');
  mkdirSync(data);
  writeFileSync(`${data}.restored`, 'newest of tl_x from any site\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

/**
 * Starts PostgreSQL, which says this, and waits until it serves.
 * @param before what its log has from earlier starts; null: it runs already, and has said all of it.
 */
function start(says: readonly string[], before: readonly string[] | null = []): { code: number | null; said: string } {
  const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
  if (before === null) writeFileSync(join(data, 'runs'), '');
  writeFileSync(`${data}.log`, text(before ?? says));
  writeFileSync(join(folder, 'says'), text(says));
  const stubs = `set -eu
data=${data} port=5433 binaries=/b settings=/s
running() { [ -e "$data/runs" ]; }
ask() { echo t; }
write_postgres_config() { :; }
install() { :; }
runuser() { cat ${folder}/says >>"$data.log"; : >"$data/runs"; }
`;
  const { status, stderr } = spawnSync('sh', ['-c', `${stubs}${LINES.join('')}start; echo runs`], { encoding: 'utf8' });
  return { code: status, said: stderr };
}
const isRestored = (): boolean => existsSync(`${data}.restored`);

test('the script is cut where it should be', () => {
  for (const lines of LINES) expect(lines).toMatch(/^\w+\(\) \{/);
  expect(LINES[0]).toContain('pg_ctl');
});

test('a log that was read to its end says nothing more, and a second run finds it done', () => {
  expect(start([started, got, got, complete])).toEqual({ code: 0, said: 'rescue: replaying the log\n' });
  expect(isRestored()).toBe(true);
  expect(start([started, got, got, complete], null).code).toBe(0);
});

test('a store that failed while the log was read is told, with what may be missing, and a second run restores anew', () => {
  const { code, said } = start([started, got, lost, got, complete]);
  expect(code).toBe(1);
  expect(said).toContain(`a store failed while the log was read, see ${data}.log: ${lost}`);
  expect(said).toContain('The newest commits may be missing in what runs on port 5433 now. Run this again');
  expect(isRestored()).toBe(false);
});

test('it is told by the run that finds PostgreSQL serving already, and after a reboot', () => {
  expect(start([started, lost, complete], null).code).toBe(1);
  rmSync(join(data, 'runs'));
  expect(start([started, ready], [started, lost, complete]).code).toBe(1);
});

test('what an earlier start could not fetch and the next one asked for again is not missing', () => {
  expect(start([started, got, complete], [started, got, lost, short]).code).toBe(0);
  expect(isRestored()).toBe(true);
  rmSync(join(data, 'runs'));
  expect(start([started, lost, complete], [started, got, lost, short]).code).toBe(1);
});

test('what is restored anew has a log of its own', () => {
  expect(cut('restore')).toContain('rm -rf "$data" "$data.restored" "$data.log"');
});
