import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import pino from 'pino';
import { createActivities } from '../activities';
import { parseSettings } from '../domain/schemas/settings';
import { openFleet } from './fleet';
import { untilDone } from './until-done';
import { createWorker } from './worker';

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
  const stopped = new AbortController();
  // What goes on without end leaves at once: the grace time is for what ends.
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => stopped.abort(new Error('this worker stops')));
  const worker = await createWorker({
    connection,
    activities: createActivities(fleet, stopped.signal),
    operations: fleet.inventory.operations,
    log,
    codec: fleet.codec,
  });
  log.info({ temporal: settings.TEMPORAL_ADDRESS }, 'worker ready');
  const { inventory, schedules, storage } = fleet;
  // What is away at the moment is no reason not to begin. The API offers what workers can use.
  const told = Promise.all([
    untilDone('write down the sites', () => inventory.sites.record(storage.sites), log, stopped.signal),
    untilDone('schedule the housekeeping', () => schedules.ensureHousekeeping(), log, stopped.signal),
    untilDone('watch the clusters', () => schedules.ensureWatch(), log, stopped.signal),
  ]);
  try {
    await worker.run();
  } finally {
    stopped.abort();
    await told;
    await connection.close();
    await fleet.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`worker: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
