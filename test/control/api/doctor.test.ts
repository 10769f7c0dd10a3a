import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { startTestApi, type TestApi } from '../../support/api';
import type { TestCommand } from '../../support/command';
import { commandIn } from '../../support/command';
import { newCluster, newSubmission } from '../../support/inventory';

/** What the doctor finds, and what a support bundle holds. */

let api: TestApi;
let folder: string;
let home: string;
let run: TestCommand['run'];
beforeAll(async () => {
  api = await startTestApi();
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-doctor-'));
  home = path.join(folder, '.holdfast');
  mkdirSync(path.join(home, 'logs'), { recursive: true, mode: 0o700 });
  writeFileSync(path.join(home, 'token'), await api.token(), { mode: 0o600 });
  writeFileSync(path.join(home, 'url'), api.url, { mode: 0o600 });
  ({ run } = commandIn(folder, { HOLDFAST_HOME: home, HOLDFAST_URL: undefined, HOLDFAST_TOKEN: undefined }));
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

const findings = z.array(
  z.object({ check: z.string(), ok: z.boolean(), what: z.string(), remedy: z.string().nullable() }),
);
type Finding = z.infer<typeof findings>[number];

/** psql is on a user's machine or not, and the tested API has a release of its own: not what these tests are about. */
async function diagnose(): Promise<{ exitCode: number | null; bad: Finding[] }> {
  const { stdout, code: exitCode } = await run(['doctor', '-o', 'json']);
  return {
    exitCode,
    bad: findings.parse(JSON.parse(stdout)).filter(({ ok, check }) => !ok && !['psql', 'release'].includes(check)),
  };
}

test('of an installation that is well nothing is said to be wrong', async () => {
  const { stdout } = await run(['doctor']);
  for (const check of [
    'installation',
    'disk',
    'API',
    'inventory',
    'temporal',
    'worker',
    'token',
    'operations',
    'clusters',
  ])
    expect(stdout).toContain(`✔ ${check}: `);
  expect((await diagnose()).bad).toEqual([]);
});

test('an engine that is away is found, with the runbook that helps, and ends the command with 1', async () => {
  api.engine.away = true;
  const { bad, exitCode } = await diagnose();
  api.engine.away = false;
  expect(exitCode).toBe(1);
  expect(bad.map(({ check }) => check)).toEqual(['temporal', 'worker']);
  for (const { remedy } of bad) {
    const page = /docs\/runbooks\/[\w-]+\.md/.exec(remedy ?? '')?.[0] ?? 'none';
    expect(existsSync(path.join(__dirname, '../../..', page))).toBe(true);
  }
});

test('an operation that waits is found, with its reason', async () => {
  const cluster = newCluster(api.project, 'waits');
  const { operation } = await api.inventory.operations.submitCreate(cluster, newSubmission(cluster));
  await api.inventory.operations.record({
    operationId: operation.id,
    seq: 1,
    steps: [],
    operation: { state: 'waiting', at: new Date().toISOString(), reason: 'needs attention: the disk is full' },
  });
  const { bad } = await diagnose();
  expect(bad).toEqual([expect.objectContaining({ check: 'operations' })]);
  expect(bad[0]?.what).toContain('provision of waits: needs attention: the disk is full');
  expect(bad[0]?.remedy).toContain(`ops show ${operation.id}`);
});

test('files that others can read are found', async () => {
  chmodSync(path.join(home, 'token'), 0o644);
  const { bad } = await diagnose();
  chmodSync(path.join(home, 'token'), 0o600);
  expect(bad.find(({ check }) => check === 'installation')?.remedy).toContain(`chmod -R go= ${home}/token`);
});

test('a token that the API does not take is found', async () => {
  const { stdout } = await run(['doctor', '-o', 'json'], { HOLDFAST_TOKEN: 'hft_wrong', HOLDFAST_URL: api.url });
  const token = findings.parse(JSON.parse(stdout)).find(({ check }) => check === 'token');
  expect(token).toMatchObject({ ok: false });
});

test('a Docker engine that is gone is found', async () => {
  writeFileSync(path.join(home, 'engines'), 'unix:///nowhere/docker.sock');
  const { bad } = await diagnose();
  rmSync(path.join(home, 'engines'));
  expect(bad.find(({ check }) => check === 'Docker engine')?.what).toContain('/nowhere/docker.sock');
});

test('each Docker engine is asked at its own address, whatever DOCKER_HOST says', async () => {
  const docker = createServer((_request, response) => void response.end('{"Version":"99.1"}')).listen(0, '127.0.0.1');
  await once(docker, 'listening');
  const { port } = z.object({ port: z.number() }).parse(docker.address());
  const socket = path.join(folder, 'docker.sock');
  const local = createServer((_request, response) => void response.end('{"Version":"99.2"}')).listen(socket);
  await once(local, 'listening');
  writeFileSync(path.join(home, 'engines'), `tcp://127.0.0.1:1\ntcp://127.0.0.1:${port}\nunix://${socket}\nnonsense`);
  const found: string[] = [];
  for (const DOCKER_HOST of [`unix://${socket}`, `tcp://127.0.0.1:${port}`]) {
    const { stdout } = await run(['doctor', '-o', 'json'], { DOCKER_HOST });
    const engines = findings.parse(JSON.parse(stdout)).filter(({ check }) => check === 'Docker engine');
    found.push(...engines.map(({ what }) => what));
  }
  rmSync(path.join(home, 'engines'));
  docker.close();
  local.close();
  const each: unknown[] = [
    expect.stringMatching(/^Nothing answers at tcp:\/\/127\.0\.0\.1:1:/),
    `99.1 answers at tcp://127.0.0.1:${port}.`,
    `99.2 answers at unix://${socket}.`,
    expect.stringMatching(/^Nothing answers at nonsense:/),
  ];
  expect(found).toEqual([...each, ...each]);
});

test('a command of another release than the API is found', async () => {
  const { stdout } = await run(['doctor', '-o', 'json']);
  const release = findings.parse(JSON.parse(stdout)).find(({ check }) => check === 'release');
  expect(release?.what).toMatch(/^The API is of release 0\.0\.0-test, this command of \d/);
});

test('without an API the rest is still looked at', async () => {
  const { stdout, code: exitCode } = await run(['doctor', '-o', 'json'], { HOLDFAST_URL: 'http://127.0.0.1:1' });
  const found = findings.parse(JSON.parse(stdout));
  expect(exitCode).toBe(1);
  expect(found.find(({ check }) => check === 'API')).toMatchObject({ ok: false });
  expect(found.find(({ check }) => check === 'disk')).toMatchObject({ ok: true });
});

describe('a support bundle', () => {
  const unpack = (file: string): string => {
    const to = mkdtempSync(path.join(folder, 'unpacked-'));
    execFileSync('tar', ['-xzf', path.join(folder, file), '-C', to]);
    return path.join(to, 'holdfast-support');
  };

  test('holds findings, clusters, operations and logs, and can be read by its owner only', async () => {
    writeFileSync(path.join(home, 'logs', 'worker.log'), '{"msg":"worker ready"}\n');
    const { stdout, code: exitCode } = await run(['support', 'bundle', '--file', 'help.tar.gz']);
    expect({ stdout: stdout.trim(), exitCode }).toEqual({ stdout: 'help.tar.gz', exitCode: 0 });
    expect(statSync(path.join(folder, 'help.tar.gz')).mode & 0o777).toBe(0o600);
    const root = unpack('help.tar.gz');
    const read = (name: string): string => readFileSync(path.join(root, name), 'utf8');
    expect(read('clusters.json')).toContain('"waits"');
    expect(read('operations.json')).toContain('the disk is full');
    expect(read('operations.json')).toContain('create the network'); // Steps too: who helps wants to see what they say.
    expect(read('doctor.json')).toContain('"operations"');
    expect(read('logs/worker.log')).toContain('worker ready');
    expect(read('machine.json')).toContain('HOLDFAST_HOME');
  });

  test('holds no token, no password and no key, even where a log has them', async () => {
    const token = readFileSync(path.join(home, 'token'), 'utf8');
    const key = '-----BEGIN PRIVATE KEY-----\nbm90IGZvciB5b3U=\n-----END PRIVATE KEY-----';
    writeFileSync(path.join(home, 'logs', 'api.log'), `${token}\npostgres://app:s3cr3t@db/app\n${key}\n`);
    await run(['support', 'bundle', '--file', 'quiet.tar.gz'], { DATABASE_URL: 'postgres://x:hunter2@db/inventory' });
    const all = execFileSync('grep', ['-r', '', unpack('quiet.tar.gz')], { encoding: 'utf8' });
    expect(all).toContain('postgres://app:[password]@db/app');
    for (const secret of [token, 's3cr3t', 'hunter2', 'bm90IGZvciB5b3U']) expect(all).not.toContain(secret);
  });

  test('holds nothing of a key that begins before the newest part of a log', async () => {
    const left = 'c2VjcmV0\nZmluYWxseQ==\n-----END PRIVATE KEY-----\n';
    const newest = '{"msg":"all is well"}\n'.padEnd(2 * 1024 ** 2 - left.length - 1, '.') + '\n';
    writeFileSync(path.join(home, 'logs', 'api.log'), `-----BEGIN PRIVATE KEY-----\nbm90IGZvciB5b3U${left}${newest}`);
    await run(['support', 'bundle', '--file', 'cut.tar.gz']);
    const log = readFileSync(path.join(unpack('cut.tar.gz'), 'logs', 'api.log'), 'utf8');
    expect(log).toContain('all is well');
    for (const secret of ['c2VjcmV0', 'ZmluYWxseQ', 'bm90IGZvciB5b3U']) expect(log).not.toContain(secret);
  });

  test('never overwrites a file, and is made of what is there when the API is away', async () => {
    const again = await run(['support', 'bundle', '--file', 'help.tar.gz']);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('is there already');
    const alone = await run(['support', 'bundle', '--file', 'alone.tar.gz'], { HOLDFAST_URL: 'http://127.0.0.1:1' });
    expect(alone.code).toBe(0);
    expect(alone.stderr).toContain('Not in it: clusters');
    expect(readFileSync(path.join(unpack('alone.tar.gz'), 'doctor.json'), 'utf8')).toContain('"API"');
  });
});
