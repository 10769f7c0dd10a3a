import { NativeConnection, Runtime, DefaultLogger } from '@temporalio/worker';
import pino from 'pino';
import { createActivities } from '../../activities';
import { createWorker } from '../../workers/worker';
import { withCrashes } from '../simulation/crash';
import { openSimulatedFleet } from '../simulation/fleet';
import { openWorld } from '../simulation/world';
import { createExtraActivities } from './extra-activities';
import { readWorkerSettings } from './worker-settings';

/**
 * The product's worker with its real activities, in a simulated world, as a process that dies where the world says so.
 * It ends with its standard input, so that none is left when the test is gone.
 */
async function main(): Promise<void> {
  const settings = readWorkerSettings(process.env);
  process.stdin.on('end', () => process.exit(0)).resume();
  const log = pino({ name: 'worker', level: 'info' });
  Runtime.install({ logger: new DefaultLogger('WARN', ({ message, meta }) => log.warn(meta, message)) });
  const [fleet, connection] = await Promise.all([
    openSimulatedFleet(settings.world, settings.home, settings.databaseUrl),
    NativeConnection.connect({ address: settings.temporalAddress }),
  ]);
  const activities = { ...createActivities(fleet), ...createExtraActivities(fleet) };
  const worker = await createWorker({
    connection,
    activities: withCrashes(activities, openWorld(settings.world)),
    operations: fleet.inventory.operations,
    log,
    codec: fleet.codec,
    workflowBundle: { codePath: settings.bundle },
    taskQueue: settings.taskQueue,
    pace: { heartbeatMs: 250, stickyMs: 500 },
  });
  log.info('worker ready');
  await worker.run();
}

void main();
