import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
  /** Ends and removes all. */
  end(): Promise<void>;
}

interface One {
  readonly session: StoresHome;
  readonly ports: ReadonlyMap<string, number>;
  running: RunningStores;
}

/** Each has a home of its own, and so an authority of its own: none is trusted for another. */
export async function startStores(
  names: readonly SiteName[] = ['primary', 'secondary', 'offsite'],
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
    stores.set(name, { session, ports, running: await runStores(session, binary, ports) });
  }
  const sites = [...stores.values()].flatMap(({ running }) => running.sites);
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
    dataFolder: (name) => one(name).session.home.path('sites', name, 'data'),
    logFile: (name) => one(name).session.home.path('logs', `site-${name}.log`),
    stop: (name) => one(name).running.stop(),
    async start(name) {
      const store = one(name);
      store.running = await runStores(store.session, binary, store.ports);
    },
    async end() {
      for (const { running } of stores.values()) await running.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function entryOf({ keys, caPem: _, ...site }: ConfiguredSite, folder: string): object {
  return { ...site, ...keys, caFile: join(folder, site.name, 'sites', 'authority.crt') };
}
