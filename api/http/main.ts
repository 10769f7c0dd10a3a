import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import path from 'node:path';
import type { Express } from 'express';
import pino from 'pino';
import { z } from 'zod';
import { migrate } from '../../activities/inventory/migrate';
import { createInventory } from '../../activities/inventory/open';
import { loadMasterKey } from '../../activities/secrets/master-key';
import { createSecretStore } from '../../activities/secrets/store';
import { parseSettings, type Settings } from '../../domain/schemas/settings';
import { createApp } from './app';
import { createTemporalEngine } from './engine-temporal';
import { createEventHub } from './event-hub';
import { ensureFirstToken } from './first-token';
import type { Log } from './log';
import { projectRoot } from '../../activities/project-root';
import { createStarter } from './starter';

/** The process that serves the API. Any number of them may run on one inventory. */

/** Requests that last longer after the signal to stop are cut off. */
const GRACE_MS = 5_000;

async function main(): Promise<void> {
  const settings = parseSettings(process.env);
  const log = pino({
    level: settings.HOLDFAST_LOG_LEVEL,
    base: { process: 'api' },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
  await migrate(settings.DATABASE_URL);
  const inventory = createInventory(settings.DATABASE_URL, { logger: log });
  await ensureFirstToken({ inventory, home: settings.HOLDFAST_HOME });
  const secrets = createSecretStore(inventory.database, await loadMasterKey(settings.HOLDFAST_HOME));
  const engine = createTemporalEngine(settings.TEMPORAL_ADDRESS);
  const starter = createStarter({ inventory, engine, log });
  const events = createEventHub(inventory);
  const app = createApp({ inventory, secrets, engine, starter, events, log, version: packageVersion() });
  const server = await listen(app, settings);
  log.info({ host: settings.HOLDFAST_HOST, port: settings.HOLDFAST_PORT }, 'listening');

  onStopSignal(log, async () => {
    events.close();
    await Promise.all([close(server), starter.stop()]);
    await Promise.all([engine.close(), inventory.close()]);
  });
}

function listen(app: Express, { HOLDFAST_HOST: host, HOLDFAST_PORT: port }: Settings): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = app.listen(port, host, (error?: Error) => (error ? reject(error) : resolve(server)));
  });
}

async function close(server: Server): Promise<void> {
  const cutOff = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(cutOff);
}

/** Stops once, at the first signal; a second one ends the process the hard way. */
function onStopSignal(log: Log, stop: () => Promise<void>): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'stopping');
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ err: error }, 'did not stop cleanly');
          process.exit(1);
        },
      );
    });
  }
}

function packageVersion(): string {
  const text = readFileSync(path.join(projectRoot(), 'package.json'), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}

main().catch((error: unknown) => {
  process.stderr.write(`holdfast api: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
