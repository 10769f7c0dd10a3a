import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { removeInstallation } from './clusters';
import { findRunningEngine, reachOf } from './engine';
import { bringUp } from './environment';
import type { Environment } from './environment';
import { unregister } from './installations';
import { choosePort } from './ports';
import { Problem } from './problem';
import { compiled } from './project';
import type { Session } from './session';
import { endOrphans } from './supervise';

/** Files of a home that belong to the inventory and the Temporal server that are made anew each time. */
const STATE = [
  'temporal.db',
  'temporal.db-shm',
  'temporal.db-wal',
  'pgpass',
  'database-url',
  'token',
  'key',
  'ssh',
  'sites',
] as const;

/**
 * Runs a program of test/ against an installation of its own, which is brought up before and removed after. It is told the same
 * as worker and API. What the environment names as someone's own (DATABASE_URL, TEMPORAL_ADDRESS, HOLDFAST_SITES) is
 * neither measured nor filled.
 *
 * @param module of test/, compiled. @param remedy what to say when there is no such program.
 * @param temporal a throw-away Temporal server (`host:port`) to use in place of one of its own.
 * @returns the program's exit code. @throws Problem
 */
export async function runOnOwnInstallation(
  session: Session,
  { module, args, remedy, temporal }: OwnProgram,
): Promise<number> {
  const file = compiled('test', ...module);
  if (!existsSync(file)) throw new Problem(remedy);
  for (const someone of ['DATABASE_URL', 'TEMPORAL_ADDRESS', 'HOLDFAST_PORT', 'HOLDFAST_SITES'])
    delete process.env[someone];
  if (temporal) process.env['TEMPORAL_ADDRESS'] = temporal;
  process.env['HOLDFAST_LOG_LEVEL'] = 'debug'; // Says how long each call took.
  await endOrphans(session.home.folder);
  await session.progress.step('begin from nothing', () => removeTraces(session));
  // First of all, so that it comes last, when nothing works any more that could make something anew.
  session.atEnd('remove what was made for it', () => removeTraces(session));
  process.env['HOLDFAST_PORT'] = String(await choosePort(session.home, 'api'));
  const environment = await bringUp(session);
  return run(session, environment, await reachOf(environment.engine), [file, ...args]);
}

export interface OwnProgram {
  readonly module: readonly string[];
  readonly args: readonly string[];
  readonly remedy: string;
  readonly temporal?: string | undefined;
}

/** What this run or a killed one made. Logs and results stay. */
async function removeTraces({ home }: Session): Promise<void> {
  const engine = await findRunningEngine();
  if (engine) await removeInstallation(engine, { installId: home.installId, home: home.folder });
  unregister(home.installId);
  for (const file of STATE) rmSync(home.path(file), { recursive: true, force: true });
}

function run(
  { home, signal }: Session,
  environment: Environment,
  reach: string,
  args: readonly string[],
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, '--enable-source-maps', ...args], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...process.env,
        HOLDFAST_HOME: home.folder,
        HOLDFAST_INSTALL_ID: home.installId,
        DATABASE_URL: environment.databaseUrl,
        TEMPORAL_ADDRESS: environment.temporal.address,
        HOLDFAST_DOCKER_REACH: reach,
      },
    });
    signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
