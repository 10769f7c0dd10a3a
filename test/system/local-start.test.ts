import Docker from 'dockerode';
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createDockerCloud } from '../../activities/cloud/docker';
import { makeHostKey } from '../../activities/secrets/ssh-keys';
import { eventually } from '../support/temporal';

jest.setTimeout(180_000);

const project = resolve(__dirname, '../..');
const docker = new Docker();
let clone: string;
let port: number;
const runsOfTest: Run[] = [];

interface Run {
  readonly child: ChildProcess;
  /** Both streams, so far. */
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

beforeAll(async () => {
  clone = mkdtempSync(join(tmpdir(), 'clone-'));
  const list = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: project, encoding: 'utf8' });
  for (const file of list
    .trim()
    .split('\n')
    .filter((name) => name !== 'node_modules' && existsSync(join(project, name)))) {
    cpSync(join(project, file), join(clone, file), { recursive: true });
  }
  symlinkSync(join(project, 'node_modules'), join(clone, 'node_modules'));
  port = await freePort();
});

// A test that failed half-way must not take the others with it.
afterEach(async () => {
  for (const { child, ended } of runsOfTest.splice(0)) {
    child.kill('SIGINT');
    await ended;
  }
});

afterAll(async () => {
  await run('down', '--yes').ended;
  rmSync(clone, { recursive: true, force: true });
});

test('a first start serves, keeps its secrets to itself and says where everything is', async () => {
  const start = await startAndWait();
  const token = read('token');
  expect(start.output()).toContain(token);
  expect(start.output()).toContain(`http://127.0.0.1:${port}/v1/docs`);
  expect((statSync(join(clone, '.holdfast')).mode & 0o777).toString(8)).toBe('700');
  for (const file of ['token', 'pgpass']) {
    expect((statSync(join(clone, '.holdfast', file)).mode & 0o777).toString(8)).toBe('600');
  }
  expect(await stop(start, 'SIGINT')).toBe(0);
  expect(await readyStatus()).toBeNull();
});

test('a second start takes under 15 s, has the same token and does not print it', async () => {
  const token = read('token');
  const begun = Date.now();
  const start = await startAndWait();
  expect(Date.now() - begun).toBeLessThan(15_000);
  expect(read('token')).toBe(token);
  expect(start.output()).not.toContain(token);
  expect(await stop(start, 'SIGTERM')).toBe(0);
});

test.each(['✓ Docker engine', '✓ golden image', '✓ Temporal', '✓ inventory', '✓ hosts'])(
  'killed with -9 after "%s", the next start goes on with the same state',
  async (line) => {
    const token = read('token');
    const first = run('start');
    await eventually(() => first.output().includes(line) || undefined);
    process.kill(supervisor(), 'SIGKILL');
    await first.ended;
    const next = await startAndWait();
    expect(read('token')).toBe(token);
    expect(await stop(next, 'SIGINT')).toBe(0);
  },
);

test('killed with -9 while it serves, it is replaced and the programs it left are ended', async () => {
  const first = await startAndWait();
  const orphans = ['api', 'worker', 'temporal'].map(pidOf);
  process.kill(supervisor(), 'SIGKILL');
  await first.ended;
  const next = await startAndWait();
  for (const pid of orphans) expect(runs(pid)).toBe(false);
  expect(await stop(next, 'SIGINT')).toBe(0);
});

test('when its terminal is gone, it still ends all that it started', async () => {
  const start = await startAndWait();
  const programs = ['api', 'worker', 'temporal'].map(pidOf);
  const ending = supervisor();
  start.child.stdout?.destroy();
  start.child.stderr?.destroy();
  start.child.kill('SIGHUP');
  await eventually(() => !runs(ending) || undefined);
  for (const pid of programs) expect(runs(pid)).toBe(false);
});

test('a worker that dies is started again, and the reader is told', async () => {
  const start = await startAndWait();
  const before = pidOf('worker');
  process.kill(before, 'SIGKILL');
  await eventually(
    () => (start.output().includes('! worker ended (SIGKILL)') && pidOf('worker') !== before) || undefined,
  );
  expect(await stop(start, 'SIGINT')).toBe(0);
});

test('a second start of the same clone is refused while the first one serves', async () => {
  const first = await startAndWait();
  const second = run('start');
  expect(await second.ended).toBe(1);
  expect(second.output()).toContain('already runs from this folder');
  expect(await readyStatus()).toBe(200);
  expect(await stop(first, 'SIGINT')).toBe(0);
});

test('a taken port gets one sentence with the remedy, and no stack', async () => {
  const server = await listen(port);
  const start = run('start');
  expect(await start.ended).toBe(1);
  expect(start.output()).toContain(`Port ${port} is taken by another program`);
  expect(start.output()).toContain('HOLDFAST_PORT=');
  expect(start.output()).not.toMatch(/\n\s+at /);
  await new Promise((done) => server.close(done));
});

test('hosts go on after Ctrl-C and come back at the next start after they lost power', async () => {
  const first = await startAndWait();
  const host = await makeHost();
  expect(await stop(first, 'SIGINT')).toBe(0);
  expect((await docker.getContainer(host).inspect()).State.Running).toBe(true);
  await docker.getContainer(host).kill();
  const second = await startAndWait();
  expect((await docker.getContainer(host).inspect()).State.Running).toBe(true);
  expect(await stop(second, 'SIGINT')).toBe(0);
});

test('down keeps a home while an engine does not answer that its clusters may be on', async () => {
  const home = mkdtempSync(join(tmpdir(), 'home-'));
  writeFileSync(join(home, 'install-id'), '0123456789ab');
  writeFileSync(join(home, 'engines'), 'unix:///nowhere/docker.sock');
  const down = runWith({ HOLDFAST_HOME: home }, 'down', '--yes');
  expect(await down.ended).toBe(1);
  expect(down.output()).toContain('The Docker engine at unix:///nowhere/docker.sock does not answer');
  expect(down.output()).not.toMatch(/\n\s+at /);
  expect(readdirSync(home).sort()).toEqual(['engines', 'install-id']);

  rmSync(join(home, 'engines'));
  expect(await runWith({ HOLDFAST_HOME: home }, 'down', '--yes').ended).toBe(0);
  expect(existsSync(home)).toBe(false);
});

test('a home folder that holds the files of others is refused at the start, and left alone by down', async () => {
  const home = mkdtempSync(join(tmpdir(), 'stranger-'));
  writeFileSync(join(home, 'thesis.txt'), 'years of work');
  const start = runWith({ HOLDFAST_HOME: home }, 'start');
  expect(await start.ended).toBe(1);
  expect(start.output()).toContain(`${home} holds files that are not Holdfast's`);
  expect(start.output()).not.toMatch(/\n\s+at /);
  const down = runWith({ HOLDFAST_HOME: home }, 'down', '--yes');
  expect(await down.ended).toBe(0);
  expect(down.output()).toContain(`${home} is left as it is`);
  expect(readdirSync(home)).toEqual(['thesis.txt']);
  rmSync(home, { recursive: true });
});

test('down refuses to delete clusters unasked, then leaves nothing behind, and can be repeated', async () => {
  const installId = read('install-id');
  const refused = run('down');
  expect(await refused.ended).toBe(1);
  expect(refused.output()).toContain('orders');
  expect(refused.output()).toContain('npm run down -- --yes');
  expect(await remains(installId)).not.toEqual([]);

  expect(await run('down', '--yes').ended).toBe(0);
  expect(await remains(installId)).toEqual([]);
  expect(existsSync(join(clone, '.holdfast'))).toBe(false);
  expect(await run('down').ended).toBe(0);
  await docker.ping(); // An engine that someone else named is never ended.
});

const run = (verb: string, ...args: string[]): Run => runWith({}, verb, ...args);

function runWith(variables: Readonly<Record<string, string>>, verb: string, ...args: string[]): Run {
  const child = spawn('npm', ['run', '--silent', verb, '--', ...args], {
    cwd: clone,
    env: { ...environment(), HOLDFAST_PORT: String(port), ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const started = { child, output: () => text, ended: new Promise<number | null>((done) => child.on('close', done)) };
  runsOfTest.push(started);
  return started;
}

/** Ours, without what would lead to another inventory, another Temporal or another home. */
function environment(): NodeJS.ProcessEnv {
  const own = ['DATABASE_URL', 'TEMPORAL_ADDRESS', 'PGPASSFILE', 'HOLDFAST_HOME'];
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.includes(name)));
}

/** @throws with the output when the start ends instead of serving. */
async function startAndWait(): Promise<Run> {
  const start = run('start');
  let over = false;
  void start.ended.then(() => (over = true));
  await eventually(() => {
    if (over) throw new Error(`npm start ended:\n${start.output()}`);
    return start.output().includes('Holdfast is ready') || undefined;
  });
  expect(await readyStatus()).toBe(200);
  return start;
}

async function stop(start: Run, signal: NodeJS.Signals): Promise<number | null> {
  start.child.kill(signal);
  return start.ended;
}

const read = (name: string): string => readFileSync(join(clone, '.holdfast', name), 'utf8').trim();
const pidOf = (program: string): number => Number(read(`${program}.pid`));

function supervisor(): number {
  const mark: unknown = JSON.parse(read('lock'));
  return typeof mark === 'object' && mark !== null && 'pid' in mark ? Number(mark.pid) : 0;
}

function runs(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** Null when nobody answers. */
async function readyStatus(): Promise<number | null> {
  return fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ status }) => status,
    () => null,
  );
}

/** A host as an operation makes it, with the name of its cluster. @returns its container. */
async function makeHost(): Promise<string> {
  const tag = process.env['HOLDFAST_IMAGE'] ?? '';
  const home = join(clone, '.holdfast');
  const options = {
    docker,
    installId: read('install-id'),
    home,
    reach: 'direct',
    image: () => Promise.resolve(tag),
  } as const;
  const cloud = createDockerCloud(options);
  const tags = { 'holdfast.cluster': 'clu_test', 'holdfast.cluster-name': 'orders' };
  await cloud.createNetwork({ token: 'clu_test', tags });
  const key = makeHostKey();
  const host = await cloud.createHost({
    token: 'clu_test/gw-1',
    tags,
    networkToken: 'clu_test',
    hostname: 'gw-1.orders',
    failureDomain: 'local-a',
    memoryBytes: 256 * 1024 ** 2,
    cpus: 1,
    volumeBytes: null,
    publicPorts: [],
    hostKey: key,
    authorizedKey: key.publicLine,
  });
  return host.id;
}

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

function listen(wanted: number): Promise<Server> {
  const server = createServer();
  return new Promise((done) => server.listen(wanted, '127.0.0.1', () => done(server)));
}

async function freePort(): Promise<number> {
  const server = await listen(0);
  const { port: found } = server.address() as AddressInfo; // Of a server that listens on TCP.
  await new Promise((done) => server.close(done));
  return found;
}
