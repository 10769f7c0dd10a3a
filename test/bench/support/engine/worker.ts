import { NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import { createActivities } from '../../../../activities';
import { openFleet } from '../../../../workers/fleet';
import { createWorker } from '../../../../workers/worker';
import { bundleWorkflows } from '../../../../workers/bundle';
import { parseSettings } from '../../../../domain/schemas/settings';
import { projectFile } from '../../../../infra/local/project';
import type { EmptyActivities } from './workflows';

/** A worker as the product's, with its inventory, for operations that do nothing. Says `ready` on its channel. */

async function main(): Promise<void> {
  const settings = parseSettings(process.env);
  const log = pino({ name: 'bench-worker', level: 'warn' }, pino.destination(2));
  const [fleet, connection, code] = await Promise.all([
    openFleet(settings, log),
    NativeConnection.connect({ address: settings.TEMPORAL_ADDRESS }),
    bundleWorkflows({ workflows: projectFile('test', 'bench', 'support', 'engine', 'workflows.ts') }),
  ]);
  const activities: EmptyActivities = { doNothing: () => Promise.resolve() };
  const worker = await createWorker({
    connection,
    taskQueue: process.argv[2] ?? 'bench',
    activities: { ...createActivities(fleet), ...activities },
    operations: fleet.inventory.operations,
    workflowBundle: { code },
    log,
  });
  process.send?.('ready');
  await worker.run();
  await connection.close();
  await fleet.close();
}

main().catch((error: unknown) => {
  process.stderr.write(`bench worker: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
