import { Connection } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { SEARCH_ATTRIBUTES, TEMPORAL_NAMESPACE } from '../../domain/names';
import { choosePort } from './ports';
import { Problem, reasonOf } from './problem';
import type { StepReport } from './progress.cjs';
import type { Session } from './session';
import type { Program } from './supervise';
import { supervise } from './supervise';
import { findTemporal } from './temporal-binary';

export interface Temporal {
  readonly address: string;
  /** Null where the server belongs to someone else, who knows where its Web UI is. */
  readonly uiUrl: string | null;
}

const START_TIMEOUT_MS = 60_000;
const ANSWER_TIMEOUT_MS = 5_000;
/** IndexedValueType KEYWORD of Temporal's API. */
const KEYWORD = 2;

/**
 * The Temporal server at TEMPORAL_ADDRESS, else one that is started here, with Holdfast's search attributes.
 *
 * @param apiUrl where the Web UI will find what decodes histories.
 * @throws Problem
 */
export async function startTemporal(session: Session, report: StepReport, apiUrl: string): Promise<Temporal> {
  const address = process.env['TEMPORAL_ADDRESS'];
  if (!address) return startServer(session, report, apiUrl);
  const failure = await tryConnection(address, registerSearchAttributes);
  if (failure === null) return { address, uiUrl: process.env['TEMPORAL_UI_URL'] ?? null };
  throw new Problem(
    `Temporal at TEMPORAL_ADDRESS=${address} is of no use (${failure}): start it, or unset TEMPORAL_ADDRESS to let npm start run one.`,
  );
}

async function startServer(session: Session, report: StepReport, apiUrl: string): Promise<Temporal> {
  const binary = await findTemporal(session.signal, report);
  const port = await choosePort(session.home, 'temporal');
  const uiPort = await choosePort(session.home, 'temporalUi');
  const server = supervise(session, {
    name: 'temporal',
    command: binary,
    args: [...serverArguments(session, port, uiPort), '--ui-codec-endpoint', `${apiUrl}/v1/codec`],
    graceMs: 10_000,
  });
  session.atEnd('stop Temporal', server.stop);
  const address = `127.0.0.1:${port}`;
  await waitForServer(session, server, address);
  return { address, uiUrl: `http://127.0.0.1:${uiPort}` };
}

/** WAL and eager activities make the development server several times faster; both keep what was acknowledged by the server. */
function serverArguments({ home }: Session, port: number, uiPort: number): string[] {
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort)],
    ...['--db-filename', home.path('temporal.db'), '--log-level', 'warn'],
    ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL'],
    ...['--dynamic-config-value', 'system.enableActivityEagerExecution=true'],
    ...Object.values(SEARCH_ATTRIBUTES).flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
  ];
}

async function waitForServer({ home, signal }: Session, server: Program, address: string): Promise<void> {
  for (const deadline = Date.now() + START_TIMEOUT_MS; ; await sleep(100, undefined, { signal })) {
    const failure = await tryConnection(address, describeNamespace);
    if (failure === null) return;
    if (server.crashes() > 2 || Date.now() > deadline) {
      throw new Problem(`Temporal does not start: ${home.path('logs', 'temporal.log')} tells why.`);
    }
  }
}

/** @returns why it failed, or null. */
async function tryConnection(
  address: string,
  work: (connection: Connection) => Promise<unknown>,
): Promise<string | null> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address, connectTimeout: ANSWER_TIMEOUT_MS });
    await work(connection);
    return null;
  } catch (error) {
    return reasonOf(error);
  } finally {
    await connection?.close();
  }
}

const describeNamespace = (connection: Connection): Promise<unknown> =>
  connection.workflowService.describeNamespace({ namespace: TEMPORAL_NAMESPACE });

/** On a server that is not ours: those that are missing. */
async function registerSearchAttributes(connection: Connection): Promise<void> {
  const namespace = TEMPORAL_NAMESPACE;
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.values(SEARCH_ATTRIBUTES).filter((name) => !(name in (customAttributes ?? {})));
  if (missing.length === 0) return;
  const searchAttributes = Object.fromEntries(missing.map((name) => [name, KEYWORD]));
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
}
