import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfiguredSite } from '../../../activities/storage/storage';
import type { SiteName } from '../../../domain/sites';
import { openHome } from '../../../infra/local/home';
import { createProgress } from '../../../infra/local/progress.cjs';
import { runStores } from '../../../infra/local/stores';
import type { RunningStores, StoresHome } from '../../../infra/local/stores';
import { findVersitygw } from '../../../infra/local/versitygw-binary';
import { freePort } from '../../support/free-port';
import type { SmallVolume } from '../../support/small-volume';
import { mountSmallVolume } from '../../support/small-volume';
import { startTroubledStore } from '../../support/troubled-store';
import type { StoreTrouble, TroubledStore } from '../../support/troubled-store';

/** Object stores of a test file's own: real ones, started as `npm start` does. */
export interface TestStores {
  readonly sites: readonly ConfiguredSite[];
  /** For HOLDFAST_SITES of programs that the test starts. */
  readonly sitesFile: string;
  site(name: SiteName): ConfiguredSite;
  /** The folder that it keeps objects in. */
  dataFolder(name: SiteName): string;
  /** What its process says. */
  logFile(name: SiteName): string;
  /** Ends one; its objects stay. */
  stop(name: SiteName): Promise<void>;
  /** At the same port, with the same objects, after {@link stop}. */
  start(name: SiteName): Promise<void>;
  /** Of one that was started so that it can be in some. */
  trouble(name: SiteName, trouble: StoreTrouble | null): void;
  /** Leaves no room on the disk of one that was started with a small one of its own. @returns what gives it back. */
  fill(name: SiteName): () => void;
  /** Ends and removes all. */
  end(): Promise<void>;
}

interface One {
  readonly session: StoresHome;
  readonly ports: ReadonlyMap<string, number>;
  running: RunningStores;
  /** Where everybody reaches it. */
  readonly sites: readonly ConfiguredSite[];
  readonly door: TroubledStore | null;
  readonly volume: SmallVolume | null;
}

export interface StoreTraits {
  /** Those of them that the test puts into trouble. */
  readonly troubled?: readonly SiteName[];
  /** Those whose disk it fills: as root only. */
  readonly small?: readonly SiteName[];
}

/** Each has a home of its own, and so an authority of its own: none is trusted for another. */
export async function startStores(
  names: readonly SiteName[] = ['primary', 'secondary', 'offsite'],
  { troubled = [], small = [] }: StoreTraits = {},
): Promise<TestStores> {
  const folder = mkdtempSync(join(tmpdir(), 'stores-'));
  const { signal } = new AbortController();
  const binary = await findVersitygw(signal, { note: () => undefined, result: () => undefined });
  const stores = new Map<SiteName, One>();
  const one = (name: SiteName): One => {
    const found = stores.get(name);
    if (!found) throw new Error(`the test has no store ${name}`);
    return found;
  };
  for (const name of names) {
    const session = { home: openHome(join(folder, name)), progress: createProgress(), signal };
    const ports = new Map([[name, await freePort()]]);
    const volume = small.includes(name) ? mountSmallVolume(dataFolderOf(session, name)) : null;
    const running = await runStores(session, binary, ports);
    const atDoor = troubled.includes(name) ? await openDoor(session, running.sites) : null;
    stores.set(name, {
      session,
      ports,
      running,
      sites: atDoor?.sites ?? running.sites,
      door: atDoor?.door ?? null,
      volume,
    });
  }
  const sites = [...stores.values()].flatMap((store) => store.sites);
  const sitesFile = join(folder, 'sites.json');
  writeFileSync(sitesFile, JSON.stringify({ sites: sites.map((site) => entryOf(site, folder)) }), { mode: 0o600 });
  return {
    sites,
    sitesFile,
    site(name) {
      const found = sites.find((site) => site.name === name);
      if (!found) throw new Error(`the test has no store ${name}`);
      return found;
    },
    dataFolder: (name) => dataFolderOf(one(name).session, name),
    logFile: (name) => one(name).session.home.path('logs', `site-${name}.log`),
    stop: (name) => one(name).running.stop(),
    async start(name) {
      const store = one(name);
      store.running = await runStores(store.session, binary, store.ports);
    },
    trouble(name, trouble) {
      const { door } = one(name);
      if (!door) throw new Error(`store ${name} was not started to be in trouble`);
      door.set(trouble);
    },
    fill(name) {
      const { volume } = one(name);
      if (!volume) throw new Error(`store ${name} has no small disk of its own`);
      return volume.fill();
    },
    async end() {
      for (const { running, door, volume } of stores.values()) {
        await door?.close();
        await running.stop();
        volume?.end();
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const dataFolderOf = ({ home }: StoresHome, name: SiteName): string => home.path('sites', name, 'data');

/** Puts a door before the one store of a home. */
async function openDoor(
  { home }: StoresHome,
  [site]: readonly ConfiguredSite[],
): Promise<{ readonly sites: readonly ConfiguredSite[]; readonly door: TroubledStore }> {
  if (!site) throw new Error('no store to put a door before');
  const file = (name: string): string => readFileSync(home.path('sites', site.name, name), 'utf8');
  const port = await freePort();
  const at = (endpoint: string): string => Object.assign(new URL(endpoint), { port: String(port) }).origin;
  const sites = [{ ...site, endpoint: at(site.endpoint), hostEndpoint: at(site.hostEndpoint) }];
  const behind = {
    port: Number(new URL(site.endpoint).port),
    certificate: file('tls.crt'),
    privateKey: file('tls.key'),
  };
  return { sites, door: await startTroubledStore(port, behind) };
}

function entryOf({ keys, caPem: _, ...site }: ConfiguredSite, folder: string): object {
  return { ...site, ...keys, caFile: join(folder, site.name, 'sites', 'authority.crt') };
}
