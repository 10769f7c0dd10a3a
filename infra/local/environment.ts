import { migrate } from '../../activities/inventory/migrate';
import { removeAbandoned } from './abandoned';
import { listClusters, powerOnHosts } from './clusters';
import { startControlPlane } from './control-plane';
import type { Surroundings } from './control-plane';
import type { Engine } from './engine';
import { findEngine } from './engine';
import { watchEngine } from './engine-watch';
import { rememberEngine } from './home-engines';
import { makeImage } from './image';
import { recordImage, recordSites, startInventory, stopInventory } from './inventory';
import { register } from './installations';
import { demandPort } from './ports';
import type { StepReport } from './progress.cjs';
import type { Session } from './session';
import { startStores } from './stores';
import { endOrphans } from './supervise';
import { startTemporal } from './temporal';
import type { Temporal } from './temporal';

/** A running Holdfast. */
export interface Environment extends Surroundings {
  readonly apiUrl: string;
}

/** Brings up all that one machine needs to serve, in the order of what needs what; what is there already is used. @throws Problem */
export async function bringUp(session: Session): Promise<Environment> {
  const { progress, home } = session;
  await endOrphans(home.folder);
  const apiPort = await demandPort('api'); // Before minutes are spent.
  register(home);

  let temporal: Temporal | undefined;
  let base: Base | undefined;
  let sitesFile: string | null = null;
  await session.together(
    async () =>
      (temporal = await progress.step('Temporal', (report) =>
        startTemporal(session, report, `http://127.0.0.1:${apiPort}`),
      )),
    async () => (base = await bringUpBase(session)),
    async () => (sitesFile = await progress.step('object stores', (report) => startStores(session, report))),
  );
  if (!temporal || !base) throw new Error('neither failed nor made');
  const { recover, ...rest } = base;
  const surroundings: Surroundings = { ...rest, temporal, sitesFile };
  // Before the API takes orders: the first one shall have its backups.
  await recordSites(base.databaseUrl, { HOLDFAST_HOME: home.folder, HOLDFAST_SITES: sitesFile });
  const apiUrl = await progress.step('worker and API', () => startControlPlane(session, surroundings));
  void watchEngine(session, base.engine, recover);
  return { ...surroundings, apiUrl };
}

interface Base extends Omit<Surroundings, 'temporal' | 'sitesFile'> {
  /** Gives back to a restarted engine what ran on it. */
  readonly recover: () => Promise<void>;
}

/** Engine, image and inventory need one another; Temporal needs none of them. */
async function bringUpBase(session: Session): Promise<Base> {
  const { progress, home, signal } = session;
  const engine = await progress.step('Docker engine', (report) => findEngine({ report, signal }));
  rememberEngine(home, engine.host);
  await removeAbandoned(session, engine);
  const image = await progress.step('golden image', (report) => makeImage(session, engine, report));
  session.atEnd('stop the inventory', () => stopInventory(session, engine));
  const databaseUrl = await progress.step('inventory', async () => {
    const url = await startInventory(session, engine, image);
    // For `holdfast key`. Someone's own stands in their environment and may hold a password.
    if (!process.env['DATABASE_URL']) home.write('database-url', url);
    await migrate(url);
    await recordImage(url, image);
    return url;
  });
  await powerOnClusters(session, engine);
  const recover = async (): Promise<void> => {
    await progress.step('inventory', () => startInventory(session, engine, image));
    await powerOnClusters(session, engine);
  };
  return { engine, databaseUrl, recover };
}

/** Nothing is said of hosts to whoever has no cluster yet. */
async function powerOnClusters({ home, progress }: Session, engine: Engine): Promise<void> {
  const powerOn = (report?: StepReport): Promise<readonly string[]> =>
    powerOnHosts(engine, { installId: home.installId, home: home.folder }, report);
  const clusters = await listClusters(engine, home.installId);
  const whose = clusters.length === 1 ? clusters[0] : `your ${clusters.length} clusters`;
  const complaints = clusters.length === 0 ? await powerOn() : await progress.step(`hosts of ${whose}`, powerOn);
  for (const complaint of complaints) progress.say(`  ! ${complaint}`);
}
