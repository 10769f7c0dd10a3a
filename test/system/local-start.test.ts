import Docker from 'dockerode';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually';
import { makeClone, runs } from './support/clone';
import type { Clone, Run } from './support/clone';

/** `npm start` and `npm run down`, as a user of a fresh clone meets them. */

jest.setTimeout(400_000);

const docker = new Docker();
let clone: Clone;

beforeAll(async () => {
  clone = await makeClone();
});
// A test that failed half-way must not take the others with it.
afterEach(() => clone.interruptAll());
afterAll(() => clone.remove());

async function stop(start: Run, signal: NodeJS.Signals): Promise<number | null> {
  start.child.kill(signal);
  return start.ended;
}

test('a first start serves, keeps its secrets to itself and says where everything is', async () => {
  const start = await clone.startAndWait();
  const token = clone.read('token');
  expect(start.output()).toContain(token);
  expect(start.output()).toContain(`http://127.0.0.1:${clone.port}/v1/docs`);
  expect((statSync(join(clone.folder, '.holdfast')).mode & 0o777).toString(8)).toBe('700');
  expect(clone.read('url')).toBe(`http://127.0.0.1:${clone.port}`);
  expect(start.output()).not.toMatch(/^✓ hosts/m); // There are none yet.
  for (const file of ['token', 'url', 'pgpass']) {
    expect((statSync(join(clone.folder, '.holdfast', file)).mode & 0o777).toString(8)).toBe('600');
  }
  expect(await stop(start, 'SIGINT')).toBe(0);
  expect(await clone.readyStatus()).toBeNull();
});

test('it brings up three object stores that can be used, and keeps their keys to itself', async () => {
  const start = await clone.startAndWait();
  const sites = JSON.parse(clone.read('sites/sites.json')) as { sites: { secretKey: string }[] };
  const answer = await fetch(`${clone.read('url')}/v1/sites`, {
    headers: { Authorization: `Bearer ${clone.read('token')}` },
  });
  const told = await answer.text();
  expect(JSON.parse(told)).toMatchObject({
    items: ['primary', 'secondary', 'offsite'].map((name) => ({ name, clouds: ['docker'], ok: true })),
  });
  for (const [index, name] of ['primary', 'secondary', 'offsite'].entries()) {
    const { secretKey = '' } = sites.sites[index] ?? {};
    expect(secretKey).toHaveLength(32);
    expect(start.output() + told).not.toContain(secretKey);
    expect(readFileSync(`/proc/${clone.pidOf(`site-${name}`)}/cmdline`, 'utf8')).not.toContain(secretKey);
    for (const file of ['sites.json', `${name}/keys.json`, `${name}/tls.key`, 'authority.json'])
      expect((statSync(join(clone.folder, '.holdfast', 'sites', file)).mode & 0o777).toString(8)).toBe('600');
  }
  expect(await stop(start, 'SIGINT')).toBe(0);
});

test('a sites file that is wrong is told by its field before anything serves', async () => {
  const file = join(clone.folder, 'my-sites.json');
  writeFileSync(file, '{"sites":[{"name":"mine","endpoint":"http://s3.example.net"}]}', { mode: 0o600 });
  const start = clone.runWith({ HOLDFAST_SITES: file }, 'start');
  expect(await start.ended).toBe(1);
  expect(start.output()).toContain('sites.0.endpoint: must be https://host');
  expect(start.output()).not.toMatch(/\n\s+at /);
});

test('where object stores can not be had, it serves all the same and says what that means', async () => {
  const start = clone.runWith({ HOLDFAST_VERSITYGW_BINARY: '/nowhere/versitygw' }, 'start');
  await eventually(() => start.output().includes('Holdfast is ready'));
  expect(start.output()).toMatch(
    /^ {2}! No backups can be taken, because there are no local object stores\. The store/m,
  );
  expect(await clone.readyStatus()).toBe(200);
  expect(await stop(start, 'SIGINT')).toBe(0);
});

test('a second start takes under 15 s, has the same token and does not print it', async () => {
  const token = clone.read('token');
  const begun = Date.now();
  const start = await clone.startAndWait();
  expect(Date.now() - begun).toBeLessThan(15_000);
  expect(clone.read('token')).toBe(token);
  expect(start.output()).not.toContain(token);
  expect(await stop(start, 'SIGTERM')).toBe(0);
});

test.each(['✓ Docker engine', '✓ golden image', '✓ Temporal', '✓ inventory'])(
  'killed with -9 after "%s", the next start goes on with the same state',
  async (line) => {
    const token = clone.read('token');
    const first = clone.run('start');
    await eventually(() => first.output().includes(line));
    process.kill(clone.supervisor(), 'SIGKILL');
    await first.ended;
    const next = await clone.startAndWait();
    expect(clone.read('token')).toBe(token);
    expect(await stop(next, 'SIGINT')).toBe(0);
  },
);

test('killed with -9 while it serves, it is replaced and the programs it left are ended', async () => {
  const first = await clone.startAndWait();
  const orphans = ['api', 'worker', 'temporal', 'site-primary'].map((name) => clone.pidOf(name));
  process.kill(clone.supervisor(), 'SIGKILL');
  await first.ended;
  const next = await clone.startAndWait();
  for (const pid of orphans) expect(runs(pid)).toBe(false);
  expect(await stop(next, 'SIGINT')).toBe(0);
});

test('when its terminal is gone, it still ends all that it started', async () => {
  const start = await clone.startAndWait();
  const programs = ['api', 'worker', 'temporal', 'site-offsite'].map((name) => clone.pidOf(name));
  const ending = clone.supervisor();
  start.child.stdout?.destroy();
  start.child.stderr?.destroy();
  start.child.kill('SIGHUP');
  await eventually(() => !runs(ending));
  for (const pid of programs) expect(runs(pid)).toBe(false);
});

test('a worker that dies is started again, and the reader is told', async () => {
  const start = await clone.startAndWait();
  const before = clone.pidOf('worker');
  process.kill(before, 'SIGKILL');
  await eventually(() => start.output().includes('! worker ended (SIGKILL)') && clone.pidOf('worker') !== before);
  expect(await stop(start, 'SIGINT')).toBe(0);
});

test('a second start of the same clone is refused while the first one serves', async () => {
  const first = await clone.startAndWait();
  const second = clone.run('start');
  expect(await second.ended).toBe(1);
  expect(second.output()).toContain('already runs from this folder');
  expect(await clone.readyStatus()).toBe(200);
  expect(await stop(first, 'SIGINT')).toBe(0);
});

test('a taken port gets one sentence with the remedy, and no stack', async () => {
  const server = createServer().listen(clone.port, '127.0.0.1');
  await once(server, 'listening');
  const start = clone.run('start');
  expect(await start.ended).toBe(1);
  expect(start.output()).toContain(`Port ${clone.port} is taken by another program`);
  expect(start.output()).toContain('HOLDFAST_PORT=');
  expect(start.output()).not.toMatch(/\n\s+at /);
  server.close();
  await once(server, 'close');
});

test('hosts go on after Ctrl-C and come back at the next start after they lost power', async () => {
  const first = await clone.startAndWait();
  const host = await clone.makeHost();
  expect(await stop(first, 'SIGINT')).toBe(0);
  expect((await docker.getContainer(host).inspect()).State.Running).toBe(true);
  await docker.getContainer(host).kill();
  const second = await clone.startAndWait();
  expect((await docker.getContainer(host).inspect()).State.Running).toBe(true);
  expect(second.output()).toMatch(/^✓ hosts of orders .* 1 powered on$/m);
  expect(await stop(second, 'SIGINT')).toBe(0);
});

test('down keeps a home while an engine does not answer that its clusters may be on', async () => {
  const home = mkdtempSync(join(tmpdir(), 'home-'));
  writeFileSync(join(home, 'install-id'), '0123456789ab');
  writeFileSync(join(home, 'engines'), 'unix:///nowhere/docker.sock');
  const down = clone.runWith({ HOLDFAST_HOME: home }, 'down', '--yes');
  expect(await down.ended).toBe(1);
  expect(down.output()).toContain('The Docker engine at unix:///nowhere/docker.sock does not answer');
  expect(down.output()).not.toMatch(/\n\s+at /);
  expect(readdirSync(home).sort()).toEqual(['engines', 'install-id']);

  rmSync(join(home, 'engines'));
  expect(await clone.runWith({ HOLDFAST_HOME: home }, 'down', '--yes').ended).toBe(0);
  expect(existsSync(home)).toBe(false);
});

test('a home folder that holds the files of others is refused at the start, and left alone by down', async () => {
  const home = mkdtempSync(join(tmpdir(), 'stranger-'));
  writeFileSync(join(home, 'thesis.txt'), 'years of work');
  const start = clone.runWith({ HOLDFAST_HOME: home }, 'start');
  expect(await start.ended).toBe(1);
  expect(start.output()).toContain(`${home} holds files that are not Holdfast's`);
  expect(start.output()).not.toMatch(/\n\s+at /);
  const down = clone.runWith({ HOLDFAST_HOME: home }, 'down', '--yes');
  expect(await down.ended).toBe(0);
  expect(down.output()).toContain(`${home} is left as it is`);
  expect(readdirSync(home)).toEqual(['thesis.txt']);
  rmSync(home, { recursive: true });
});

test('down refuses to delete clusters unasked, then leaves nothing behind, and can be repeated', async () => {
  const installId = clone.read('install-id');
  const refused = clone.run('down');
  expect(await refused.ended).toBe(1);
  expect(refused.output()).toContain('orders');
  expect(refused.output()).toContain('npm run down -- --yes');
  expect(await remains(installId)).not.toEqual([]);

  expect(await clone.run('down', '--yes').ended).toBe(0);
  expect(await remains(installId)).toEqual([]);
  expect(existsSync(join(clone.folder, '.holdfast'))).toBe(false);
  expect(await clone.run('down').ended).toBe(0);
  await docker.ping(); // An engine that someone else named is never ended.
});

/** Names of all that carries the installation's label. */
async function remains(installId: string): Promise<string[]> {
  const filters = { label: [`holdfast.install=${installId}`] };
  const [containers, { Volumes }, networks] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listVolumes({ filters }),
    docker.listNetworks({ filters }),
  ]);
  return [
    ...containers.flatMap(({ Names }) => Names),
    ...Volumes.map(({ Name }) => Name),
    ...networks.map(({ Name }) => Name),
  ];
}
