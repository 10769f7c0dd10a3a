import { Client, Connection } from '@temporalio/client';
import Docker from 'dockerode';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import type { DockerCloudOptions } from '../../activities/cloud/docker';
import { listInstallations, removeEverything } from '../../activities/cloud/docker/installation';
import { migrate } from '../../activities/inventory/migrate';
import { TEMPORAL_NAMESPACE } from '../../domain/names';
import { parseSettings } from '../../domain/schemas/settings';
import type { Settings } from '../../domain/schemas/settings';
import { openHome } from '../../infra/local/home';
import type { Home } from '../../infra/local/home';
import { readCatalogue } from '../../infra/local/image';
import { createProgress } from '../../infra/local/progress.cjs';
import { compiled } from '../../infra/local/project';
import type { Session } from '../../infra/local/session';
import { startTemporal } from '../../infra/local/temporal';
import { openFleet } from '../../workers/fleet';
import type { OpenFleet } from '../../workers/fleet';
import { createBackground } from './background';
import type { Background } from './background';
import { createTestDatabase } from './database';
import type { TestDatabase } from './database';
import { connectApi } from './holdfast-api';
import type { HoldfastApi } from './holdfast-api';
import { eventually } from './eventually';
import { freePort } from './free-port';
import { startStores } from '../system/support/stores';
import type { StoreTraits, TestStores } from '../system/support/stores';

/**
 * A whole control plane of a test file's own, as `npm start` runs one: its installation, database, Temporal server,
 * and the processes of worker and API from dist/. Everything listens on loopback only.
 */
export interface Holdfast extends HoldfastApi {
  readonly home: Home;
  readonly database: TestDatabase;
  readonly docker: Docker;
  readonly temporal: Client;
  /** Host and port of its Temporal server. */
  readonly temporalAddress: string;
  /** The same fleet that the worker sees, for a look behind the API: inventory, secrets, cloud, hosts. */
  readonly fleet: OpenFleet;
  readonly worker: Background;
  /** Its object stores; null when it has none. */
  readonly stores: TestStores | null;
  /** Text of all logs of the control plane. */
  readLogs(): string;
  /** Removes all that it made. @throws Error that names what could not be removed. */
  stop(): Promise<void>;
}

export interface HoldfastOptions extends StoreTraits {
  readonly reach?: Settings['HOLDFAST_DOCKER_REACH'];
  /** Names of the object stores that it has; default: none, so that there are no backups. */
  readonly stores?: readonly string[];
  /** Switches machines of the cloud `static` off and on. */
  readonly fenceCommand?: string;
}

const READY_TIMEOUT_MS = 60_000;
const PROGRAMS = ['worker', 'api'] as const;

export async function startHoldfast({
  reach = 'direct',
  stores = [],
  fenceCommand = '',
  ...traits
}: HoldfastOptions = {}): Promise<Holdfast> {
  const image = process.env['HOLDFAST_IMAGE'];
  if (!image) throw new Error('HOLDFAST_IMAGE is not set: run the tests by "npm test"');
  const home = openHome(mkdtempSync(join(tmpdir(), 'holdfast-')));
  const ends: (() => Promise<unknown>)[] = [];
  const end = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const act of ends.reverse()) await act().catch((error: unknown) => failures.push(error));
    rmSync(home.folder, { recursive: true, force: true });
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('; '));
  };
  try {
    return await start({ home, image, reach, stores, fenceCommand, traits, ends, end });
  } catch (error) {
    const logs = logsOf(home);
    await end().catch(() => undefined);
    throw new Error(`Holdfast does not start: ${logs}`, { cause: error });
  }
}

interface Beginning {
  readonly home: Home;
  readonly image: string;
  readonly reach: Settings['HOLDFAST_DOCKER_REACH'];
  readonly stores: readonly string[];
  readonly fenceCommand: string;
  readonly traits: StoreTraits;
  readonly ends: (() => Promise<unknown>)[];
  readonly end: () => Promise<void>;
}

async function start({
  home,
  image,
  reach,
  stores: names,
  fenceCommand,
  traits,
  ends,
  end,
}: Beginning): Promise<Holdfast> {
  const docker = new Docker();
  const database = await createTestDatabase();
  ends.push(() => database.drop());
  await migrate(database.url);
  const stores = names.length === 0 ? null : await startStores(names, traits);
  if (stores) ends.push(() => stores.end());
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const silent = { note: () => undefined, result: () => undefined };
  const { address, uiUrl } = await startTemporal(await sessionOf(home, ends), silent, url);
  const environment = {
    HOLDFAST_HOME: home.folder,
    HOLDFAST_INSTALL_ID: home.installId,
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: address,
    HOLDFAST_DOCKER_REACH: reach,
    HOLDFAST_FENCE_COMMAND: fenceCommand,
    HOLDFAST_PORT: String(port),
    ...(stores && { HOLDFAST_SITES: stores.sitesFile }),
    ...(uiUrl !== null && { TEMPORAL_UI_URL: uiUrl }),
  };
  const settings = parseSettings({ DOCKER_HOST: process.env['DOCKER_HOST'], ...environment });
  ends.push(() =>
    removeInstallation({
      docker,
      installId: home.installId,
      home: home.folder,
      reach,
      image: () => Promise.resolve(image),
    }),
  );
  const fleet = await openFleet(settings, pino({ level: 'silent' }));
  ends.push(() => fleet.close());
  await fleet.inventory.images.record('docker', image, await readCatalogue({ home }, docker, image));
  await fleet.inventory.sites.record(fleet.storage.sites);
  const connection = await Connection.connect({ address });
  ends.push(() => connection.close());

  const [worker, api] = [program('worker', ['workers', 'main.js']), program('api', ['api', 'http', 'main.js'])];
  for (const background of [worker, api]) {
    background.start();
    ends.push(() => background.stop());
  }
  await untilReady(url);
  return {
    ...connectApi(url, readFileSync(home.path('token'), 'utf8').trim()),
    home,
    database,
    docker,
    temporal: new Client({ connection, namespace: TEMPORAL_NAMESPACE }),
    temporalAddress: address,
    fleet,
    worker,
    stores,
    readLogs: () => logsOf(home),
    stop: end,
  };

  function program(name: (typeof PROGRAMS)[number], module: readonly string[]): Background {
    const args = ['--enable-source-maps', compiled(...module)];
    const logFile = home.path('logs', `${name}.log`);
    return createBackground({ command: process.execPath, args, env: environment, logFile, graceMs: 60_000 });
  }
}

/** As much of a session as starting Temporal needs; its ports are ones that nobody else asks for. */
async function sessionOf(home: Home, ends: (() => Promise<unknown>)[]): Promise<Session> {
  home.write('ports.json', JSON.stringify({ temporal: await freePort(), temporalUi: await freePort() }));
  return {
    home,
    progress: createProgress(process.stderr),
    signal: new AbortController().signal,
    atEnd: (_title, stop) => void ends.push(stop),
    together: async (...works) => void (await Promise.all(works.map((work) => work()))),
  };
}

/** All of an installation, with proof that nothing is left. */
async function removeInstallation(options: DockerCloudOptions): Promise<void> {
  await removeEverything(options);
  const left = await listInstallations(options.docker);
  if (left.some(({ installId }) => installId === options.installId))
    throw new Error(`the engine still has things of installation ${options.installId}`);
}

async function untilReady(url: string): Promise<void> {
  const isReady = async (): Promise<boolean> => (await fetch(`${url}/readyz`).catch(() => null))?.status === 200;
  await eventually(isReady, { everyMs: 100, limitMs: READY_TIMEOUT_MS });
}

function logsOf(home: Home): string {
  const read = (name: string): string => {
    try {
      return readFileSync(home.path('logs', `${name}.log`), 'utf8');
    } catch {
      return ''; // It was not started yet.
    }
  };
  return PROGRAMS.map(read).join('\n');
}
