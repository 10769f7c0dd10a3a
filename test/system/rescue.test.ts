import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../activities/project-root';
import { CONTROL_HOSTNAME } from '../../domain/names';
import { commandIn } from '../support/command';
import type { TestCommand } from '../support/command';
import type { Holdfast } from '../support/holdfast';
import { startHoldfast } from '../support/holdfast';
import { firstBackup, windowAfter } from './backups/user';
import type { Machine, Machines } from './static/machines';
import { docker, makeMachines } from './static/machines';
import { login, query } from './support/endpoint';

jest.setTimeout(600_000);

/** With Holdfast gone: a plain Debian, the bucket, the key file and its passphrase are enough. */

const PASSPHRASE = "a passphrase with 'quotes', $HOME and spaces";

let holdfast: Holdfast;
let machines: Machines;
let machine: Machine;
let folder: string;
let run: TestCommand['run'];
/** When the table was still whole. */
let before: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-rescue-'));
  [holdfast, machines] = await Promise.all([startHoldfast({ stores: ['primary', 'secondary'] }), makeMachines(1, '')]);
  const [first] = machines.all;
  if (!first || !holdfast.stores) throw new Error('no machine, or no stores');
  machine = first;
  ({ run } = commandIn(folder, {
    HOLDFAST_HOME: holdfast.home.folder,
    DATABASE_URL: holdfast.database.url,
    HOLDFAST_SITES: holdfast.stores.sitesFile,
  }));
  writeFileSync(join(folder, 'passphrase'), `${PASSPHRASE}\n`, { mode: 0o600 });
  // Debian itself has this major version.
  await holdfast.succeed((await holdfast.order({ name: 'shop', plan: 'sandbox', version: '17' })).id);
  await firstBackup(holdfast, 'shop');
  const config = login(await holdfast.credentials('shop'), 'primaryPort');
  await query(config, 'create table ledger as select generate_series(1, 1000) as number');
  const [row] = await query<{ now: Date }>(config, 'select clock_timestamp() as now');
  before = row?.now.toISOString() ?? '';
  await query(config, 'select pg_sleep(1)');
  await query(config, 'delete from ledger where number > 10');
  await windowAfter(holdfast, 'shop', Date.parse(before));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await Promise.all([holdfast.stop(), machines.end()]);
});

const keyFile = (): string => join(folder, 'shop.escrow');
const exportTo = (file: string): ReturnType<TestCommand['run']> =>
  run(['escrow', 'export', '--cluster', 'shop', '--file', file, '--passphrase-file', join(folder, 'passphrase')]);
/** What it said. Asked without holding up the proxy for its packages. @throws Error with that, when it failed. */
async function rescue(...options: readonly string[]): Promise<string> {
  const command = `/root/rescue.sh --passphrase-file /root/passphrase --port 5433 ${options.join(' ')} /root/shop.escrow`;
  const said = await machine.ask(`${command} 2>&1 || echo FAILED`);
  if (said.endsWith('FAILED')) throw new Error(said.slice(-3_000));
  return said;
}
const rows = (): string =>
  machine.run('runuser -u postgres -- psql -XAtp 5433 -d app -c "select count(*) from ledger"');

test('the key file is for its owner only, tells nothing without the passphrase, and takes nobody’s place', async () => {
  const exported = await exportTo(keyFile());
  expect(exported).toMatchObject({ code: 0, stdout: '' });
  expect(statSync(keyFile()).mode & 0o777).toBe(0o600);
  const text = readFileSync(keyFile(), 'utf8');
  expect(text).toMatch(
    /^Holdfast escrow 1\nCluster: shop \(clu_[0-9a-z]+\)\nExported: .*\nTo open it: .*\n\nU2FsdGVkX1/,
  );
  const again = await exportTo(keyFile());
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('is there already')]);
  writeFileSync(join(folder, 'short'), 'short\n');
  const short = ['--file', 'other', '--passphrase-file', join(folder, 'short')];
  expect((await run(['escrow', 'export', '--cluster', 'shop', ...short])).stderr).toContain('at least 12 characters');
  const unknown = ['--file', 'other', '--passphrase-file', join(folder, 'passphrase')];
  expect((await run(['escrow', 'export', '--cluster', 'nothing', ...unknown])).stderr).toContain('nothing');
  const entries = await holdfast.database.query<{ actor: string }>(
    `select actor from audit_log where action = 'export escrow'`,
  );
  expect(entries).toEqual([{ actor: 'operator' }]);
});

test('a plain Debian restores the cluster to a time from the bucket, and a second run finds it done', async () => {
  const cluster = await holdfast.cluster('shop');
  for (const { hostId } of cluster.nodes) if (hostId !== null) docker('kill', hostId);
  await holdfast.worker.stop();
  for (const [from, to] of [
    [keyFile(), 'shop.escrow'],
    [join(folder, 'passphrase'), 'passphrase'],
    [join(projectRoot(), 'infra', 'rescue', 'rescue.sh'), 'rescue.sh'],
  ] as const)
    docker('cp', from, `${machine.container}:/root/${to}`);
  machine.run(`echo "$(ip route | awk '/^default/ { print $3 }') ${CONTROL_HOSTNAME}" >>/etc/hosts`);

  machine.run('echo another passphrase >/root/wrong');
  expect(() => machine.run('/root/rescue.sh --passphrase-file /root/wrong /root/shop.escrow 2>&1')).toThrow();
  const refused = machine.run('/root/rescue.sh --passphrase-file /root/wrong /root/shop.escrow 2>&1 || :');
  expect(refused).toContain('the passphrase is another one, or the file was changed');
  machine.run("sed '$ s/^...../AAAAA/' /root/shop.escrow >/root/changed");
  const changed = machine.run('/root/rescue.sh --passphrase-file /root/passphrase /root/changed 2>&1 || :');
  expect(changed).toContain('the file was changed');

  const time = ['--time', `'${before.replace('T', ' ').replace('Z', '+00')}'`];
  const said = await rescue(...time);
  console.log(
    said
      .split('\n')
      .filter((line) => line.startsWith('rescue: '))
      .join('\n'),
  );
  expect(rows()).toBe('1000');
  expect(machine.run("ss -Hltn 'sport = :5433'")).toMatch(/^LISTEN +\d+ +\d+ +127\.0\.0\.1:5433 /);
  expect(await rescue(...time)).toContain('has been restored already');
  await expect(rescue()).rejects.toThrow('With --again it is thrown away');
  await rescue('--again', '--site', 'secondary');
  expect(rows()).toBe('10');
});

test('nothing of the passphrase or the keys was said, and nothing is left of the opened file', () => {
  expect(machine.run('ls -A /tmp')).not.toMatch(/^tmp\./m);
  expect(holdfast.readLogs()).not.toContain(PASSPHRASE);
  expect(machine.run('stat -c "%a %U" /etc/pgbackrest/rescue.conf')).toBe('600 postgres');
});
