import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../domain/names';
import { createBackground } from '../support/background';
import { untilSuccess } from '../support/eventually';
import { freePort } from '../support/free-port';

/** A Temporal server with its state in a file, as `npm start` runs one: it can be killed and started again. */
export interface DurableTemporal {
  readonly address: string;
  readonly client: Client;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again; returns when it answers. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export async function startDurableTemporal(
  folder: string,
  dynamicConfig: Readonly<Record<string, string>>,
): Promise<DurableTemporal> {
  const command = process.env['HOLDFAST_TEMPORAL_BINARY'];
  if (!command) throw new Error('HOLDFAST_TEMPORAL_BINARY is not set: run the tests by "npm test"');
  const [port, uiPort] = [await freePort(), await freePort()];
  const settings = Object.entries({ 'system.enableActivityEagerExecution': true, ...dynamicConfig });
  const server = createBackground({
    command,
    args: [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort)],
      ...['--db-filename', join(folder, 'temporal.db'), '--log-level', 'error'],
      ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL'],
      ...settings.flatMap(([name, value]) => ['--dynamic-config-value', `${name}=${JSON.stringify(value)}`]),
      ...Object.values(SEARCH_ATTRIBUTES).flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
    ],
    env: {},
    logFile: join(folder, 'temporal.log'),
    graceMs: 10_000,
  });
  const address = `127.0.0.1:${port}`;
  const connection = Connection.lazy({ address });
  const start = async (): Promise<void> => {
    server.start();
    await untilSuccess(() => connection.workflowService.describeNamespace({ namespace: 'default' }));
  };
  await start();
  return {
    address,
    client: new Client({ connection }),
    kill: () => server.kill(),
    start,
    async stop() {
      await connection.close();
      await server.stop();
    },
  };
}
