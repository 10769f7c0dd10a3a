import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../activities/project-root';
import { CONTROL_HOSTNAME } from '../../domain/names';
import { commandIn } from '../support/command';
import type { TestCommand } from '../support/command';
import type { Holdfast } from '../support/holdfast';
import { startHoldfast } from '../support/holdfast';
import { damageBackups, damageNewestSegments } from './support/damage';
import { ask, firstBackup, windowAfter } from './support/user';
import type { Machine, Machines } from '../system/static/machines';
import { docker, makeMachines } from '../system/static/machines';
import { login, query } from '../system/support/endpoint';

jest.setTimeout(600_000);

/** With Holdfast gone: a plain Debian, the bucket, the key file and its passphrase are enough. */

const PASSPHRASE = "a passphrase with 'quotes', $HOME and spaces";

let holdfast: Holdfast;
let machines: Machines;
let machine: Machine;
let folder: string;
let run: TestCommand['run'];
/** When the table was still whole, and when most of it was gone: the cluster was restored in place since, to the first of them. */
let before: string;
let left: string;

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
  const orders = ['shop', 'plain'].map((name) => holdfast.order({ name, plan: 'sandbox', version: '17' }));
  for (const { id } of await Promise.all(orders)) await holdfast.succeed(id);
  for (const name of ['shop', 'plain']) await firstBackup(holdfast, name);
  const config = login(await holdfast.credentials('shop'), 'primaryPort');
  await query(config, 'create table ledger as select generate_series(1, 1000) as number');
  const [row] = await query<{ now: Date }>(config, 'select clock_timestamp() as now');
  before = row?.now.toISOString() ?? '';
  await query(config, 'select pg_sleep(1)');
  await query(config, 'delete from ledger where number > 10');
  const [after] = await query<{ now: Date }>(config, 'select clock_timestamp() as now');
  left = after?.now.toISOString() ?? '';
  await query(config, 'select pg_sleep(1)');
  await query(config, 'delete from ledger');
  await windowAfter(holdfast, 'shop', Date.parse(left));
  const inPlace = { target: { time: before }, confirm: 'shop' };
  await holdfast.succeed((await ask(holdfast, 'POST', '/v1/clusters/shop/restores/in-place', inPlace)).id);
  // Behind the newest backup.
  await query(config, 'create table late ()');
  const [last] = await query<{ now: Date }>(config, 'select clock_timestamp() as now');
  await query(config, 'select pg_sleep(1)');
  await query(config, 'create table later ()');
  await windowAfter(holdfast, 'shop', last?.now.getTime() ?? 0);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await Promise.all([holdfast.stop(), machines.end()]);
});

const keyFile = (): string => join(folder, 'shop.escrow');
const exportTo = (file: string, cluster = 'shop'): ReturnType<TestCommand['run']> =>
  run(['escrow', 'export', '--cluster', cluster, '--file', file, '--passphrase-file', join(folder, 'passphrase')]);
/** What it said. Asked without holding up the proxy for its packages. @throws Error with that, when it failed. */
const rescue = (...options: readonly string[]): Promise<string> => rescueOf('shop', ...options);
async function rescueOf(cluster: string, ...options: readonly string[]): Promise<string> {
  const command = `/root/rescue.sh --passphrase-file /root/passphrase --port 5433 ${options.join(' ')} /root/${cluster}.escrow`;
  const said = await machine.ask(`${command} 2>&1 || echo FAILED`);
  if (said.endsWith('FAILED')) throw new Error(said.slice(-3_000));
  return said;
}
const timeOf = (at: string): string[] => ['--time', `'${at.replace('T', ' ').replace('Z', '+00')}'`];
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
  expect(await exportTo(join(folder, 'plain.escrow'), 'plain')).toMatchObject({ code: 0 });
  const { nodes } = await holdfast.cluster('shop');
  const others = await holdfast.cluster('plain');
  for (const { hostId } of [...nodes, ...others.nodes]) if (hostId !== null) docker('kill', hostId);
  await holdfast.worker.stop();
  for (const [from, to] of [
    [keyFile(), 'shop.escrow'],
    [join(folder, 'plain.escrow'), 'plain.escrow'],
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

  const time = timeOf(before);
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
  // What the restore in place has left is there as well.
  await rescue('--again', ...timeOf(left));
  expect(rows()).toBe('10');
  await rescue('--again', '--site', 'secondary');
  expect(rows()).toBe('1000');
});

test('what the first store has is damaged: it throws away what it began with, and takes the next one', async () => {
  if (!holdfast.stores) throw new Error('no stores');
  const { files, mend } = damageBackups(holdfast.stores.dataFolder('primary'));
  expect(files).toBeGreaterThan(0);
  await expect(rescue('--again', '--site', 'primary')).rejects.toThrow('pgBackRest could not restore it');
  try {
    await rescue('--again', ...timeOf(left));
    expect(rows()).toBe('10');
    // One that was never restored in place goes another way.
    await expect(rescueOf('plain')).rejects.toThrow('With --again it is thrown away');
    await rescueOf('plain', '--again');
    expect(machine.run('runuser -u postgres -- psql -XAtp 5433 -d app -c "select to_regclass(\'ledger\')"')).toBe('');
  } finally {
    mend();
  }
});

test('a store that fails while the log is read: what may be missing is told, and a second run restores anew', async () => {
  const { stores } = holdfast;
  if (!stores) throw new Error('no stores');
  const damaged = ['primary', 'secondary'].map((site) => damageNewestSegments(stores.dataFolder(site)));
  try {
    for (const { files } of damaged) expect(files).toBeGreaterThan(0);
    await expect(rescue('--again')).rejects.toThrow('The newest commits may be missing in what runs on port 5433 now');
    // What came back is there to be looked at.
    expect(rows()).toBe('1000');
    await expect(rescue()).rejects.toThrow('The newest commits may be missing');
  } finally {
    for (const { mend } of damaged) mend();
  }
  expect(await rescue()).toContain('rescue: restoring shop');
  expect(machine.run('runuser -u postgres -- psql -XAtp 5433 -d app -c "select to_regclass(\'late\')"')).toBe('late');
  expect(await rescue()).toContain('has been restored already');
});

test('nothing of the passphrase or the keys was said, and nothing is left of the opened file', () => {
  expect(machine.run('ls -A /tmp')).not.toMatch(/^tmp\./m);
  expect(holdfast.readLogs()).not.toContain(PASSPHRASE);
  expect(machine.run('stat -c "%a %U" /etc/pgbackrest/rescue.conf')).toBe('600 postgres');
});
