import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import type { Logger } from 'pino';
import { createActivities } from '../activities';
import { parseSettings } from '../domain/schemas/settings';
import { openFleet } from './fleet';
import { ensureHousekeeping } from './housekeeping';
import type { OpenFleet } from './fleet';
import { createWorker } from './worker';

const SITES_RETRY_MS = 5_000;

/** The worker process: runs until SIGTERM or SIGINT, then finishes what it can in the grace time and leaves the rest to others. */
async function main(): Promise<void> {
  const settings = parseSettings(process.env);
  const log = pino({ name: 'worker', level: settings.HOLDFAST_LOG_LEVEL });
  // The SDK's own words go into the same log, as lines of JSON.
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message, meta }) => log.warn({ sdkLevel: level, ...meta }, message)),
  });

  const [fleet, connection] = await Promise.all([
    openFleet(settings, log),
    NativeConnection.connect({ address: settings.TEMPORAL_ADDRESS }),
  ]);
  const worker = await createWorker({
    connection,
    activities: createActivities(fleet),
    operations: fleet.inventory.operations,
    log,
    codec: fleet.codec,
  });
  void tellSites(fleet, log);
  log.info({ temporal: settings.TEMPORAL_ADDRESS }, 'worker ready');
  const stopped = new AbortController();
  const ensured = ensureHousekeeping(fleet.schedules, log, stopped.signal);
  try {
    await worker.run();
  } finally {
    stopped.abort();
    await ensured;
    await connection.close();
    await fleet.close();
  }
}

/** The API offers what workers can use. The inventory may be away at the moment: that is no reason not to begin. */
async function tellSites({ inventory, storage }: OpenFleet, log: Logger): Promise<void> {
  for (;;) {
    try {
      return await inventory.sites.record(storage.sites);
    } catch (error) {
      log.warn({ err: error }, 'cannot write down the sites; it will be tried again');
      await sleep(SITES_RETRY_MS);
    }
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`worker: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
