import Docker from 'dockerode';
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createDockerCloud } from '../../../activities/cloud/docker';
import { makeHostKey } from '../../../activities/secrets/ssh-keys';
import { eventually } from '../../support/eventually';
import { freePort } from '../../support/free-port';
import { goldenImage } from './engine';

/** A fresh clone of the project, and what a user does in it. */
export interface Clone {
  readonly folder: string;
  /** Where its API is to serve. */
  readonly port: number;
  /** Runs `npm run <verb> -- <args>`. */
  run(verb: string, ...args: string[]): Run;
  /** The same with environment variables of its own. */
  runWith(variables: Readonly<Record<string, string>>, verb: string, ...args: string[]): Run;
  /** @throws with the output when the start ends instead of serving. */
  startAndWait(): Promise<Run>;
  /** A file of its home. */
  read(name: string): string;
  pidOf(program: string): number;
  /** The process that holds the others together. */
  supervisor(): number;
  /** Of the API; null when nobody answers. */
  readyStatus(): Promise<number | null>;
  /** A host as an operation makes it, with the name of its cluster. @returns its container. */
  makeHost(): Promise<string>;
  /** Ends what a test left running. */
  interruptAll(): Promise<void>;
  /** Removes all that it made, and itself. */
  remove(): Promise<void>;
}

export interface Run {
  readonly child: ChildProcess;
  /** Both streams, so far. */
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

const project = resolve(__dirname, '../../..');

export async function makeClone(): Promise<Clone> {
  const folder = mkdtempSync(join(tmpdir(), 'clone-'));
  copyProject(folder);
  const port = await freePort();
  const runs: Run[] = [];
  const runWith: Clone['runWith'] = (variables, verb, ...args) => {
    const started = runNpm(folder, { HOLDFAST_PORT: String(port), ...variables }, [verb, '--', ...args]);
    runs.push(started);
    return started;
  };
  const run: Clone['run'] = (verb, ...args) => runWith({}, verb, ...args);
  const read = (name: string): string => readFileSync(join(folder, '.holdfast', name), 'utf8').trim();
  const readyStatus = (): Promise<number | null> =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ status }) => status,
      () => null,
    );
  return {
    folder,
    port,
    run,
    runWith,
    read,
    readyStatus,
    async startAndWait() {
      const start = run('start');
      let over = false;
      void start.ended.then(() => (over = true));
      await eventually(() => {
        if (over) throw new Error(`npm start ended:\n${start.output()}`);
        return start.output().includes('Holdfast is ready');
      });
      expect(await readyStatus()).toBe(200);
      return start;
    },
    pidOf: (program) => Number(read(`${program}.pid`)),
    supervisor() {
      const mark: unknown = JSON.parse(read('lock'));
      return typeof mark === 'object' && mark !== null && 'pid' in mark ? Number(mark.pid) : 0;
    },
    makeHost: () => makeHost(read('install-id'), join(folder, '.holdfast')),
    async interruptAll() {
      for (const { child, ended } of runs.splice(0)) {
        child.kill('SIGINT');
        await ended;
      }
    },
    async remove() {
      await run('down', '--yes').ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Files as git knows them; the packages are shared. */
function copyProject(folder: string): void {
  const list = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: project, encoding: 'utf8' });
  for (const file of list.trim().split('\n')) {
    if (file === 'node_modules' || !existsSync(join(project, file))) continue;
    cpSync(join(project, file), join(folder, file), { recursive: true });
  }
  symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'));
}

function runNpm(cwd: string, variables: Readonly<Record<string, string>>, args: readonly string[]): Run {
  const child = spawn('npm', ['run', '--silent', ...args], {
    cwd,
    env: { ...environment(), ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return { child, output: () => text, ended: new Promise((done) => child.on('close', done)) };
}

/** Ours, without what would lead to another inventory, another Temporal or another home. */
function environment(): NodeJS.ProcessEnv {
  const own = ['DATABASE_URL', 'TEMPORAL_ADDRESS', 'PGPASSFILE', 'HOLDFAST_HOME', 'HOLDFAST_SITES'];
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.includes(name)));
}

async function makeHost(installId: string, home: string): Promise<string> {
  const cloud = createDockerCloud({ docker: new Docker(), installId, home, reach: 'direct', image: goldenImage });
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

/** True while the process runs; a zombie does not. */
export function runs(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}
