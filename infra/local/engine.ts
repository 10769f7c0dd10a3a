import Docker from 'dockerode';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { lastLine, runCommand } from './command';
import { Problem } from './problem';
import { isRunning, parseMark } from './processes';
import { cacheFolder, projectFile } from './project';
import type { StepReport } from './progress.cjs';

/** The Docker engine that an installation uses. */
export interface Engine {
  readonly docker: Docker;
  /** As DOCKER_HOST understands it. */
  readonly host: string;
  /** Started by this run. */
  readonly startedHere: boolean;
  /** Named by DOCKER_HOST: someone else decides about it and about all that is on it but ours. */
  readonly given: boolean;
}

const DEFAULT_SOCKET = '/var/run/docker.sock';
const engineFolder = join(cacheFolder, 'engine');
const engineScript = projectFile('infra', 'local', 'engine.sh');
/** Tells which engine process Holdfast started: one that a person started by hand is never ended from here. */
const startedFile = join(engineFolder, 'started-by-holdfast');
const GIVEN_UP = 3;
/** Before this module sets it for the programs that it starts. */
const given = Boolean(process.env['DOCKER_HOST']);

/** Address of the engine that Holdfast runs itself where the machine has none. */
export const ownEngineHost = `unix://${join(engineFolder, 'docker.sock')}`;

/** True when that engine was ever started on this machine: it may hold hosts though it does not run now. */
export const ownEngineExists = (): boolean => existsSync(engineFolder);

/**
 * The engine at DOCKER_HOST; without that the machine's own, else one that is started here.
 * Sets DOCKER_HOST, so that every program started from here uses the same.
 * @throws Problem when none answers and none can be started.
 */
export async function findEngine(options: { report?: StepReport; signal?: AbortSignal } = {}): Promise<Engine> {
  const running = await findRunningEngine();
  if (running) return running;
  const asked = process.env['DOCKER_HOST'];
  if (asked && asked !== ownEngineHost) {
    throw new Problem(`No Docker engine answers at DOCKER_HOST=${asked}: start it, or unset DOCKER_HOST.`);
  }
  await refuseClosedSocket();
  return startOwnEngine(options);
}

/**
 * The engine at that address, or null when none answers there. The one that Holdfast runs itself is started when it has
 * ever run: it may hold hosts though it is off.
 * Sets DOCKER_HOST like {@link findEngine}. @throws Problem when it can't be started.
 */
export async function engineAt(host: string): Promise<Engine | null> {
  if (await answers(host)) return { ...(await connect(host)), startedHere: false };
  return host === ownEngineHost && ownEngineExists() ? startOwnEngine({}) : null;
}

async function startOwnEngine(options: { report?: StepReport; signal?: AbortSignal }): Promise<Engine> {
  options.report?.note('starting one');
  await runEngineScript('start', options);
  return { ...(await connect(ownEngineHost)), startedHere: true, given: false };
}

/** True while that engine runs, whoever started it: its data must stay. */
export const ownEngineAnswers = (): Promise<boolean> => answers(ownEngineHost);

/** The engine that answers now, or null. */
export async function findRunningEngine(): Promise<Engine | null> {
  const asked = process.env['DOCKER_HOST'];
  const hosts = asked ? [asked] : [`unix://${DEFAULT_SOCKET}`, await contextHost(), ownEngineHost];
  for (const host of hosts) {
    if (host && (await answers(host))) return { ...(await connect(host)), startedHere: false };
  }
  return null;
}

/** True for an engine that Holdfast itself started, in this run or an earlier one, and that no one named by DOCKER_HOST. */
export function startedByHoldfast(engine: Engine): boolean {
  if (engine.given || engine.host !== ownEngineHost || !existsSync(startedFile)) return false;
  const mark = parseMark(readFileSync(startedFile, 'utf8'));
  return mark !== null && mark.pid === enginePid() && isRunning(mark);
}

/** Ends the engine, and all that runs on it. @throws Error when Holdfast did not start it. */
export async function stopOwnEngine(engine: Engine): Promise<void> {
  if (!startedByHoldfast(engine)) throw new Error('an engine that Holdfast did not start is not ended by it');
  await runEngineScript('stop', {});
  rmSync(startedFile, { force: true });
}

function enginePid(): number {
  const file = join(engineFolder, 'docker.pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
}

async function runEngineScript(
  verb: 'start' | 'stop',
  options: { report?: StepReport; signal?: AbortSignal },
): Promise<void> {
  const { exitCode, stderr } = await runCommand(engineScript, [verb, engineFolder], {
    env: { MARK_FILE: startedFile },
    ...(options.signal && { signal: options.signal }),
    onLine: (line) => options.report?.note(line.replace(/^engine: /, '')),
  });
  if (exitCode === 0) return;
  const sentence = lastLine(stderr).replace(/^engine: /, '');
  if (exitCode === GIVEN_UP) throw new Problem(sentence.charAt(0).toUpperCase() + sentence.slice(1));
  throw new Error(`engine.sh ${verb} ended with exit code ${exitCode}: ${stderr}`);
}

// dockerode knows every form of DOCKER_HOST only when it reads it itself.
async function connect(host: string): Promise<Omit<Engine, 'startedHere'>> {
  process.env['DOCKER_HOST'] = host;
  const docker = new Docker();
  await docker.ping();
  return { docker, host, given };
}

async function answers(host: string): Promise<boolean> {
  const before = process.env['DOCKER_HOST'];
  try {
    await connect(host);
    return true;
  } catch {
    return false;
  } finally {
    if (before === undefined) delete process.env['DOCKER_HOST'];
    else process.env['DOCKER_HOST'] = before;
  }
}

/** Docker Desktop and its like put their socket into the user's folder and its address into a context. */
async function contextHost(): Promise<string | null> {
  try {
    const { exitCode, stdout } = await runCommand('docker', [
      'context',
      'inspect',
      '--format',
      '{{.Endpoints.docker.Host}}',
    ]);
    return exitCode === 0 ? lastLine(stdout) : null;
  } catch {
    return null; // No docker command: no contexts.
  }
}

/** An engine that runs but is closed to this user is no reason to start another one. */
async function refuseClosedSocket(): Promise<void> {
  if (!existsSync(DEFAULT_SOCKET)) return;
  const failure = await new Docker({ socketPath: DEFAULT_SOCKET }).ping().then(
    () => null,
    (error: NodeJS.ErrnoException) => error.code,
  );
  if (failure !== 'EACCES') return;
  throw new Problem(
    `Docker runs, but ${DEFAULT_SOCKET} is closed to this user: add the user to the group docker and log in again, or set DOCKER_HOST.`,
  );
}

/** Where containers' own addresses can't be reached from here (Docker Desktop, another machine), their ports must be published. */
export async function reachOf({ docker, host }: Engine): Promise<'direct' | 'published'> {
  const asked = process.env['HOLDFAST_DOCKER_REACH'];
  if (asked === 'direct' || asked === 'published') return asked;
  const info: unknown = await docker.info();
  const system =
    typeof info === 'object' && info !== null && 'OperatingSystem' in info ? String(info.OperatingSystem) : '';
  return process.platform === 'linux' && host.startsWith('unix://') && !system.includes('Desktop')
    ? 'direct'
    : 'published';
}
