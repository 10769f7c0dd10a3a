import type { Host, HostFile } from '../../activities/host/host';
import { reloadService, rootFile, startServices, stopService } from '../../activities/host/services';
import { sh } from '../../activities/host/shell';
import { eventually } from '../support/eventually';
import { enterTestHost } from './support/host';
import type { EnteredHost } from './support/host';

/** How services come to run with the files asked for, also when who starts them is lost in the middle of it. */

const CONFIG = '/etc/slow.conf';
const GO = '/run/slow.go';
/** Writes down each start and what it read, and is ready when it is let go. */
const UNIT = `[Service]
Type=exec
ExecStartPre=/bin/sh -c 'cat ${CONFIG} >>/run/slow.starts; until [ -e ${GO} ]; do sleep 0.05; done'
ExecStart=sleep infinity
ExecReload=/bin/sh -c 'cat ${CONFIG} >>/run/slow.reloads'
`;
let machine: EnteredHost;
let host: Host;

beforeAll(async () => {
  machine = await enterTestHost();
  ({ host } = machine);
  await host.putFiles([rootFile('/run/systemd/system/slow.service', UNIT)]);
  await host.run(sh`systemctl daemon-reload`);
});
afterAll(() => machine.end());
beforeEach(async () => {
  await host.run(sh`systemctl stop slow`);
  await host.run(sh`rm -f ${['/run/slow.starts', '/run/slow.reloads', '/var/lib/holdfast/applied/slow']}`);
  await host.run(sh`touch ${GO}`);
});

const startWith = (content: string, on: Host = host): Promise<void> =>
  startServices(on, { slow: [rootFile(CONFIG, `${content}\n`)] });
const starts = async (): Promise<string[]> =>
  (await host.run(sh`sh -c ${'cat /run/slow.starts 2>/dev/null || :'}`)).split('\n').filter(Boolean);

const reloads = async (): Promise<string[]> =>
  (await host.run(sh`sh -c ${'cat /run/slow.reloads 2>/dev/null || :'}`)).split('\n').filter(Boolean);

/** A worker that dies when the service has begun to start, and is let go only afterwards. */
async function loseWhoStartsWith(content: string): Promise<void> {
  const before = (await starts()).length;
  await host.run(sh`rm -f ${GO}`);
  const lost = machine.fromElsewhere();
  const starting = startWith(content, lost.host);
  starting.catch(() => undefined);
  await eventually(async () => (await starts()).length > before);
  lost.disconnect();
  await expect(starting).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
}

test('a service that runs with the files asked for is left alone, another is started anew', async () => {
  await startWith('one');
  await startWith('one');
  expect(await starts()).toEqual(['one']);
  await startWith('two');
  expect(await starts()).toEqual(['one', 'two']);
});

test('a service that stopped is started again', async () => {
  await startWith('one');
  await host.run(sh`systemctl stop slow`);
  await startWith('one');
  expect(await starts()).toEqual(['one', 'one']);
});

test.each(['one', 'two'])(
  'a start that its worker did not live to see is joined, not made twice: %s',
  async (content) => {
    if (content === 'two') await startWith('one');
    const before = await starts();
    await loseWhoStartsWith(content);
    const next = startWith(content);
    await host.run(sh`touch ${GO}`);
    await next;
    expect(await starts()).toEqual([...before, content]);
    expect(await host.run(sh`systemctl is-active slow`)).toBe('active\n');
  },
);

test('files that were written by a worker which died before the start are read by the next start', async () => {
  await startWith('one');
  await host.putFiles([rootFile(CONFIG, 'two\n')]);
  await startWith('two');
  expect(await starts()).toEqual(['one', 'two']);
});

test('a service that reads its files anew is not restarted, not then and not by who starts it with them later', async () => {
  await startWith('one');
  for (const content of ['one', 'two', 'two']) await reloadService(host, 'slow', [rootFile(CONFIG, `${content}\n`)]);
  await startWith('two');
  expect([await starts(), await reloads()]).toEqual([['one'], ['two']]);
  await stopService(host, 'slow');
  await stopService(host, 'slow');
  await expect(reloadService(host, 'slow', [rootFile(CONFIG, 'three\n')])).rejects.toMatchObject({
    code: 'HOST_COMMAND_FAILED',
  });
  await startWith('two');
  expect(await starts()).toEqual(['one', 'two']);
});

test("a unit of Holdfast's own that has changed is read anew before the start", async () => {
  const unit = (seconds: string): HostFile =>
    rootFile('/etc/systemd/system/holdfast-test.service', `[Service]\nExecStart=/usr/bin/sleep ${seconds}\n`);
  for (const seconds of ['1001', '1002']) {
    await startServices(host, { 'holdfast-test': [unit(seconds)] });
    expect(await host.run(sh`systemctl show --property=ExecStart holdfast-test`)).toContain(`sleep ${seconds} `);
    expect(await host.run(sh`pgrep -f ${`^/usr/bin/sleep ${seconds}$`}`)).toMatch(/^\d+\n$/);
  }
});

test('a service that does not start says why', async () => {
  await host.putFiles([rootFile(CONFIG, 'one\n')]);
  await expect(startServices(host, { 'no-such-service': [rootFile(CONFIG, 'one\n')] })).rejects.toMatchObject({
    code: 'HOST_COMMAND_FAILED',
    values: { output: expect.stringContaining('no-such-service') as string },
  });
});
