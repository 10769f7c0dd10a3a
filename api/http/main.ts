import type { Server } from 'node:http';
import type { Express } from 'express';
import pino from 'pino';
import { migrate } from '../../activities/inventory/migrate';
import { createInventory } from '../../activities/inventory/open';
import { createHistoryKeys } from '../../activities/secrets/history-keys';
import { openKeyring } from '../../activities/secrets/keyring';
import { currentKey } from '../../activities/secrets/master-keys';
import { createPayloadCodec } from '../../activities/secrets/payload-codec';
import { loadControlKey } from '../../activities/secrets/ssh-keys';
import { createSecretStore } from '../../activities/secrets/store';
import { parseSettings, type Settings } from '../../domain/schemas/settings';
import { createApp } from './app';
import { createTemporalEngine } from './engine-temporal';
import { createEventHub } from './event-hub';
import { ensureFirstToken } from './first-token';
import type { Log } from './log';
import { packageVersion } from '../package-version';
import { createApiServer } from './server';
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
  const keyring = await openKeyring({ home: settings.HOLDFAST_HOME, command: settings.HOLDFAST_KEY_COMMAND });
  await currentKey(inventory.database, keyring); // A key file of another installation is told now.
  const secrets = createSecretStore(inventory.database, keyring);
  const historyKeys = createHistoryKeys(inventory.database, keyring);
  const histories = { codec: createPayloadCodec(historyKeys), keys: historyKeys };
  const engine = createTemporalEngine(settings.TEMPORAL_ADDRESS, histories.codec);
  const starter = createStarter({ inventory, engine, log });
  const events = createEventHub(inventory);
  const { TEMPORAL_UI_URL: temporalUiUrl } = settings;
  const version = packageVersion();
  const { publicLine: controlPublicKey } = await loadControlKey(settings.HOLDFAST_HOME);
  const deps = { inventory, secrets, engine, starter, events, log, controlPublicKey, temporalUiUrl, histories };
  const app = createApp({ ...deps, version });
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
    const server = createApiServer(app);
    server.once('error', reject);
    server.listen(port, host, () => resolve(server));
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

main().catch((error: unknown) => {
  process.stderr.write(`holdfast api: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
