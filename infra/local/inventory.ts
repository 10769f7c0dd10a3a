import { Client } from 'pg';
import { createInventory } from '../../activities/inventory/open';
import { isFree } from '../../activities/cloud/docker/free-port';
import { readSites } from '../../activities/storage/sites-file';
import { ownerLabels } from '../../activities/cloud/docker/names';
import type { Engine } from './engine';
import type { GoldenImage } from './image';
import { makePassword, ROLE, runServer, serverUrl, stopServer } from './inventory-server';
import { choosePort, rememberedPorts } from './ports';
import { Problem, reasonOf } from './problem';
import type { Session } from './session';

const PASSWORD_FILE = 'pgpass';

/** Name of the inventory's container and volume. */
export const inventoryName = (installId: string): string => `holdfast-${installId}-inventory`;

/**
 * The inventory at DATABASE_URL, else one in a container of this installation. Sets PGPASSFILE for what is started from here.
 * Idempotent. @returns its URL.
 * @throws Problem when DATABASE_URL does not let us in.
 */
export async function startInventory(session: Session, engine: Engine, image: GoldenImage): Promise<string> {
  const given = process.env['DATABASE_URL'];
  if (given) return demandLogin(given);
  const { home, signal } = session;
  const name = inventoryName(home.installId);
  const port = await portOf(session, engine, name);
  const password = ensurePassword(session);
  const labels = ownerLabels({ installId: home.installId, home: home.folder });
  await runServer(engine.docker, { name, labels, image: image.tag, port, password, durable: true }, signal);
  return serverUrl(port);
}

/** Its data stays. Nothing to do for one at DATABASE_URL. */
export async function stopInventory({ home }: Session, { docker }: Engine): Promise<void> {
  if (!process.env['DATABASE_URL']) await stopServer(docker, inventoryName(home.installId));
}

/** New hosts boot this image from now on. */
export async function recordImage(databaseUrl: string, { tag, catalogue }: GoldenImage): Promise<void> {
  const inventory = createInventory(databaseUrl, { connections: 1 });
  try {
    await inventory.images.record('docker', tag, catalogue);
  } finally {
    await inventory.close();
  }
}

/** What new clusters can be backed up to from now on. */
export async function recordSites(databaseUrl: string, settings: Parameters<typeof readSites>[0]): Promise<void> {
  const sites = await readSites(settings);
  const inventory = createInventory(databaseUrl, { connections: 1 });
  try {
    await inventory.sites.record(sites);
  } finally {
    await inventory.close();
  }
}

async function demandLogin(url: string): Promise<string> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined); // The attempt that runs fails by itself and tells it.
  try {
    await client.connect();
    return url;
  } catch (error) {
    throw new Problem(
      `The inventory at DATABASE_URL does not let us in (${reasonOf(error)}): correct it, or unset DATABASE_URL to let npm start run one.`,
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A server that a killed run left running holds its port itself. */
async function portOf({ home }: Session, { docker }: Engine, name: string): Promise<number> {
  const known = rememberedPorts(home)['inventory'];
  if (known !== undefined && !(await isFree(known))) {
    const running = await docker.listContainers({ filters: JSON.stringify({ name: [`^/${name}$`] }) });
    if (running.some(({ Ports }) => Ports.some(({ PublicPort }) => PublicPort === known))) return known;
  }
  return choosePort(home, 'inventory');
}

/** In the file format of libpq, so that the password is in no process's arguments or environment. */
function ensurePassword({ home }: Session): string {
  const made = home.read(PASSWORD_FILE)?.split(':').at(-1) ?? makePassword();
  home.write(PASSWORD_FILE, `*:*:*:${ROLE}:${made}`);
  process.env['PGPASSFILE'] = home.path(PASSWORD_FILE);
  return made;
}
