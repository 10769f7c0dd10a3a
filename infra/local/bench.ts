import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { removeInstallation } from './clusters';
import { findRunningEngine } from './engine';
import { bringUp } from './environment';
import type { Environment } from './environment';
import { unregister } from './installations';
import { choosePort } from './ports';
import { Problem } from './problem';
import { compiled, projectFile } from './project';
import type { Session } from './session';
import { runSession } from './session';
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
 * `npm run bench NAME [argument...]`: runs test/bench/NAME.ts against an installation of its own, which it brings up
 * before and removes after. It is told the same as worker and API. What the environment names as someone's own
 * (DATABASE_URL, TEMPORAL_ADDRESS, HOLDFAST_SITES) is neither measured nor filled, but for the Temporal server that HOLDFAST_BENCH_TEMPORAL
 * (host:port) offers for it.
 */
async function bench(session: Session, [name = '', ...args]: readonly string[]): Promise<number> {
  const module = compiled('test', 'bench', `${name}.js`);
  if (!/^[\w-]+$/.test(name) || !existsSync(module))
    throw new Problem('Name a benchmark of test/bench, such as: npm run bench provision');
  for (const someone of ['DATABASE_URL', 'TEMPORAL_ADDRESS', 'HOLDFAST_PORT', 'HOLDFAST_SITES'])
    delete process.env[someone];
  const offered = process.env['HOLDFAST_BENCH_TEMPORAL'];
  if (offered) process.env['TEMPORAL_ADDRESS'] = offered;
  process.env['HOLDFAST_LOG_LEVEL'] = 'debug'; // Says how long each call took.
  await endOrphans(session.home.folder);
  await session.progress.step('begin from nothing', () => removeTraces(session));
  // First of all, so that it comes last, when nothing works any more that could make something anew.
  session.atEnd('remove what the benchmark made', () => removeTraces(session));
  process.env['HOLDFAST_PORT'] = String(await choosePort(session.home, 'api'));
  return run(session, await bringUp(session), [module, ...args]);
}

/** What this run or a killed one made. Logs and results stay. */
async function removeTraces({ home }: Session): Promise<void> {
  const engine = await findRunningEngine();
  if (engine) await removeInstallation(engine, { installId: home.installId, home: home.folder });
  unregister(home.installId);
  for (const file of STATE) rmSync(home.path(file), { recursive: true, force: true });
}

function run({ home, signal }: Session, environment: Environment, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--enable-source-maps', ...args], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...process.env,
        HOLDFAST_HOME: home.folder,
        HOLDFAST_INSTALL_ID: home.installId,
        DATABASE_URL: environment.databaseUrl,
        TEMPORAL_ADDRESS: environment.temporal.address,
      },
    });
    signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

void runSession(projectFile('.holdfast', 'bench'), (session) => bench(session, process.argv.slice(2)));
