import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from './engine';
import { reachOf } from './engine';
import { NODE_FLAGS } from './node-flags';
import { demandPort } from './ports';
import { Problem } from './problem';
import { compiled } from './project';
import type { Session } from './session';
import type { Program } from './supervise';
import { supervise } from './supervise';
import type { Temporal } from './temporal';

/** What worker and API are told. */
export interface Surroundings {
  readonly engine: Engine;
  readonly temporal: Temporal;
  readonly databaseUrl: string;
  /** Null: they look for one in the home. */
  readonly sitesFile: string | null;
}

const READY_TIMEOUT_MS = 60_000;
const API_GRACE_MS = 15_000;
/** Longer than the worker gives its activities to reach a point from which another worker goes on. */
const WORKER_GRACE_MS = 60_000;
/** More ends than this before the API was ever ready: it will not be. */
const TRIES = 3;

/** Starts worker and API. Returns the URL of the API when that says it is ready. @throws Problem */
export async function startControlPlane(session: Session, surroundings: Surroundings): Promise<string> {
  const port = await demandPort('api');
  const env = await settings(session, surroundings, port);
  const program = (name: string, graceMs: number, ...module: string[]): Program =>
    supervise(session, {
      name,
      command: process.execPath,
      args: [...NODE_FLAGS, compiled(...module)],
      env,
      graceMs,
    });
  const worker = program('worker', WORKER_GRACE_MS, 'workers', 'main.js');
  session.atEnd('stop the worker', worker.stop);
  const api = program('api', API_GRACE_MS, 'api', 'http', 'main.js');
  session.atEnd('stop the API', api.stop);
  const url = `http://127.0.0.1:${port}`;
  await waitUntilReady(session, url, { worker, api });
  // Where the holdfast command finds it, whatever port was asked for.
  session.home.write('url', url);
  return url;
}

async function settings(
  { home }: Session,
  { engine, temporal, databaseUrl, sitesFile }: Surroundings,
  port: number,
): Promise<Record<string, string>> {
  return {
    HOLDFAST_HOME: home.folder,
    HOLDFAST_INSTALL_ID: home.installId,
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: temporal.address,
    ...(temporal.uiUrl && { TEMPORAL_UI_URL: temporal.uiUrl }),
    ...(sitesFile && { HOLDFAST_SITES: sitesFile }),
    DOCKER_HOST: engine.host,
    HOLDFAST_DOCKER_REACH: await reachOf(engine),
    HOLDFAST_PORT: String(port),
  };
}

async function waitUntilReady(
  { home, signal }: Session,
  url: string,
  programs: Readonly<Record<string, Program>>,
): Promise<void> {
  for (const deadline = Date.now() + READY_TIMEOUT_MS; ; await sleep(100, undefined, { signal })) {
    const ready = await fetch(`${url}/readyz`, { signal }).then(
      ({ status }) => status === 200,
      () => false,
    );
    const failing = Object.entries(programs).find(([, program]) => program.crashes() >= TRIES);
    if (failing)
      throw new Problem(`The ${failing[0]} does not start: ${home.path('logs', `${failing[0]}.log`)} tells why.`);
    if (ready) return;
    if (Date.now() > deadline)
      throw new Problem(
        `The API is not ready after ${READY_TIMEOUT_MS / 1000} s: ${home.path('logs', 'api.log')} and worker.log beside it tell why.`,
      );
  }
}
