import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demandDiskSpace } from '../../../infra/local/disk';
import { openHome, removeHome } from '../../../infra/local/home';
import { rememberedEngines, rememberEngine } from '../../../infra/local/home-engines';
import { isOwned } from '../../../infra/local/installations';
import { lockOwner, takeLock } from '../../../infra/local/lock';
import type { Lock } from '../../../infra/local/lock';
import { choosePort, rememberedPorts } from '../../../infra/local/ports';
import { Problem } from '../../../infra/local/problem';
import { gone, isRunning, markProcess } from '../../../infra/local/processes';
import { createProgress } from '../../../infra/local/progress.cjs';
import { welcome } from '../../../infra/local/welcome';

const PATIENCE = { waitMs: 0, endingMs: 0 };
let folder: string;

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'local-'))));
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  delete process.env['HOLDFAST_TEMPORAL_PORT'];
});

const isLock = (taken: object): taken is Lock => 'release' in taken;

test('a home is made once, is closed to others, and keeps its id', () => {
  const home = openHome(join(folder, 'home'));
  expect(home.installId).toMatch(/^[0-9a-f]{12}$/);
  expect(openHome(home.folder).installId).toBe(home.installId);
  expect(statSync(home.folder).mode & 0o777).toBe(0o700);
  expect(statSync(home.path('install-id')).mode & 0o777).toBe(0o600);
});

test('a folder with the files of others is no home, and is neither changed nor removed', () => {
  writeFileSync(join(folder, 'thesis.txt'), 'years of work');
  const before = statSync(folder).mode;
  expect(() => openHome(folder)).toThrow(/holds files that are not Holdfast's.*HOLDFAST_HOME/);
  removeHome(folder);
  expect(readdirSync(folder)).toEqual(['thesis.txt']);
  expect(statSync(folder).mode).toBe(before);
});

test('a home can be made around one of the tests, and where a killed run left half an id', () => {
  openHome(join(folder, 'test'));
  writeFileSync(join(folder, 'install-id.new'), 'ab');
  expect(openHome(folder).installId).toMatch(/^[0-9a-f]{12}$/);
  removeHome(folder);
  expect(existsSync(folder)).toBe(false);
});

test('a home knows all the engines on which something may be', () => {
  const home = openHome(folder);
  expect(rememberedEngines(folder)).toEqual([]);
  for (const host of ['unix:///a.sock', 'unix:///a.sock', 'tcp://b:2375']) rememberEngine(home, host);
  expect(rememberedEngines(folder)).toEqual(['unix:///a.sock', 'tcp://b:2375']);
});

test('the token is shown until it was shown once, also when a start was killed after it was made', () => {
  const home = openHome(folder);
  home.write('token', 'hf_secret');
  const said: string[] = [];
  const progress = { ...createProgress(), say: (line: string) => void said.push(line) };
  for (let start = 0; start < 2; start++)
    welcome({ home, progress }, { apiUrl: 'http://x', temporalUiUrl: null, tookMs: 1 });
  expect(said.map((text) => text.includes('hf_secret'))).toEqual([true, false]);
  // The command finds a home in the clone by itself; this one is elsewhere.
  expect(said[0]).toContain(`\n  HOLDFAST_HOME=${folder} npx holdfast cluster create `);
});

test('of many that want a lock, one gets it', async () => {
  const file = join(folder, 'lock');
  const taken = await Promise.all(Array.from({ length: 5 }, () => takeLock(file, PATIENCE)));
  expect(taken.filter(isLock)).toHaveLength(1);
  taken.find(isLock)?.release();
  expect(existsSync(file)).toBe(false);
});

test('a lock of a process that is gone, or of a stranger with the same id, is taken over', async () => {
  const file = join(folder, 'lock');
  for (const stale of [{ pid: 2 ** 22 + 1, begun: 'x' }, { pid: process.pid, begun: 'another time' }, 'half a fi']) {
    writeFileSync(file, JSON.stringify(stale));
    const lock = await takeLock(file, PATIENCE);
    expect(isLock(lock)).toBe(true);
    expect(lockOwner(file)?.pid).toBe(process.pid);
    if (isLock(lock)) lock.release();
  }
});

test('a process is known until it ends', async () => {
  const child = spawn('sleep', ['60']);
  const mark = markProcess(child.pid ?? 0);
  expect(mark && isRunning(mark)).toBe(true);
  child.kill('SIGKILL');
  expect(mark && (await gone(mark, 5_000))).toBe(true);
});

test('a port that is taken is passed over, and the choice is remembered', async () => {
  const home = openHome(folder);
  const port = await choosePort(home, 'temporal');
  expect(rememberedPorts(home)).toEqual({ temporal: port });
  const server = createServer();
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  expect(await choosePort(home, 'temporal')).not.toBe(port);
  await new Promise((done) => server.close(done));
});

test('a port that was asked for and is no port, or is taken, is refused with the name of its variable', async () => {
  const home = openHome(folder);
  process.env['HOLDFAST_TEMPORAL_PORT'] = 'many';
  await expect(choosePort(home, 'temporal')).rejects.toThrow(/HOLDFAST_TEMPORAL_PORT is 'many'/);
  const server = createServer();
  const port = await new Promise<number>((done) =>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      done(typeof address === 'object' && address ? address.port : 0);
    }),
  );
  process.env['HOLDFAST_TEMPORAL_PORT'] = String(port);
  await expect(choosePort(home, 'temporal')).rejects.toThrow(`Port ${port} is taken`);
  await new Promise((done) => server.close(done));
});

test('a disk that is too small is refused in one sentence', async () => {
  await expect(demandDiskSpace(join(folder, 'not', 'yet'), 2 ** 60)).rejects.toThrow(Problem);
  await expect(demandDiskSpace(folder, 1)).resolves.toBeUndefined();
});

test('an installation is owned while its home is there and still its own', () => {
  const home = openHome(join(folder, 'home'));
  expect(isOwned(home.installId, home.folder)).toBe(true);
  expect(isOwned('another', home.folder)).toBe(false);
  expect(isOwned(home.installId, join(folder, 'gone'))).toBe(false);
});
