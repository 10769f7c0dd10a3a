import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { PayloadCodec } from '@temporalio/common';
import pino from 'pino';
import { migrate } from '../../activities/inventory/migrate';
import { createInventory, type OpenInventory } from '../../activities/inventory/open';
import { createHistoryKeys } from '../../activities/secrets/history-keys';
import { createPayloadCodec } from '../../activities/secrets/payload-codec';
import type { SecretRef } from '../../activities/secrets/secrets';
import { allRoutes, createApp } from '../../api/http/app';
import { hashToken, makeTokenText } from '../../api/http/auth';
import { newId } from '../../api/http/context';
import type { RateLimits } from '../../api/http/app';
import type { Engine } from '../../api/http/engine';
import { createEventHub } from '../../api/http/event-hub';
import type { Route } from '../../api/http/route';
import { createApiServer } from '../../api/http/server';
import { createStarter } from '../../api/http/starter';
import type { RestoreTarget, RestoreWindow } from '../../domain/backups';
import { HoldfastError } from '../../domain/errors';
import type { HostCheck } from '../../domain/hosts';
import type { ClusterId, HostId, OperationId, ProjectId } from '../../domain/ids';
import type { OperationInput } from '../../domain/operations';
import type { SiteCheck } from '../../domain/sites';
import { SCOPES, type Scope } from '../../domain/tokens';
import { keyringOf } from './keyring';
import { createTestDatabase, type TestDatabase } from './database';

/** The real app on a real inventory, over real HTTP. Only the workflow engine is one that writes down what it is told. */
export interface TestApi {
  readonly url: string;
  readonly database: TestDatabase;
  readonly inventory: OpenInventory;
  readonly engine: RecordingEngine;
  readonly routes: Route[];
  /** Secrets that the credentials route finds, by name. */
  readonly secrets: Map<string, string>;
  /** What histories are encrypted with. */
  readonly codec: PayloadCodec;
  /** All lines of the log so far. */
  readonly logLines: string[];
  readonly project: ProjectId;
  /** A token of project `default` unless another one is given. */
  token(scopes?: readonly Scope[], project?: ProjectId, expiresAt?: string): Promise<string>;
  /** Sends a request with the token of all scopes, unless `init` brings another. */
  request(method: string, path: string, init?: RequestOptions): Promise<TestAnswer>;
  stop(): Promise<void>;
}

export interface RequestOptions {
  readonly body?: unknown;
  /** Sent as it is. */
  readonly text?: string;
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

export class RecordingEngine implements Engine {
  readonly started: OperationInput[] = [];
  readonly decisions: [OperationId, 'retry' | 'cancel' | 'approve'][] = [];
  /** While true, it refuses like Temporal that is away. */
  away = false;

  start(operation: OperationInput): Promise<void> {
    if (this.away) return Promise.reject(new Error('the engine is away'));
    this.started.push(operation);
    return Promise.resolve();
  }
  /** What became of workflows, by operation; of others it has never heard. */
  readonly states = new Map<OperationId, 'running' | 'ended'>();
  stateOf(operationId: OperationId): Promise<'running' | 'ended' | 'unknown'> {
    return Promise.resolve(this.states.get(operationId) ?? 'unknown');
  }
  decide(operationId: OperationId, decision: 'retry' | 'cancel' | 'approve'): Promise<'taken'> {
    this.decisions.push([operationId, decision]);
    return Promise.resolve('taken');
  }
  /** What the next look at a host says. */
  checks: HostCheck[] = [];
  readonly checked: HostId[] = [];
  checkHost(id: HostId): Promise<readonly HostCheck[]> {
    this.checked.push(id);
    return Promise.resolve(this.checks);
  }
  /** What the next look at the sites says. */
  siteChecks: SiteCheck[] = [];
  checkSites(): Promise<readonly SiteCheck[]> {
    return Promise.resolve(this.siteChecks);
  }
  /** What the next look at a window says; `away`: nobody answers. */
  window: RestoreWindow | null | 'away' = null;
  readonly lookedAt: ClusterId[] = [];
  /** Times that shall be in the windows that were looked at. */
  /** Sites that alone were to count. */
  readonly lookedInto: (string | null)[] = [];
  readonly lookedUpTo: (string | null)[] = [];
  lookAtWindow(id: ClusterId, upTo: RestoreTarget | null, site: string | null): Promise<RestoreWindow | null> {
    this.lookedAt.push(id);
    this.lookedInto.push(site);
    this.lookedUpTo.push(upTo?.kind === 'time' ? new Date(upTo.time).toISOString() : null);
    if (this.window === 'away') return Promise.reject(new HoldfastError('UNAVAILABLE', { part: 'A worker' }));
    return Promise.resolve(this.window);
  }
  ping(): Promise<boolean> {
    return Promise.resolve(!this.away);
  }
  hasWorker(): Promise<boolean> {
    return Promise.resolve(!this.away);
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** @param open opens the engine that operations go to, given what encrypts histories; default: {@link RecordingEngine}. */
export async function startTestApi(rateLimits?: RateLimits, open?: (codec: PayloadCodec) => Engine): Promise<TestApi> {
  const database = await createTestDatabase();
  await migrate(database.url);
  const inventory = createInventory(database.url);
  const engine = new RecordingEngine();
  const secrets = new Map<string, string>();
  const logLines: string[] = [];
  const log = pino({}, { write: (line: string) => void logLines.push(line) });
  const events = createEventHub(inventory);
  const read = (ref: SecretRef): Promise<string> => Promise.resolve(secrets.get(ref.name) ?? '');
  const limits = rateLimits === undefined ? {} : { rateLimits };
  const temporalUiUrl = 'http://temporal.test/';
  const keys = createHistoryKeys(inventory.database, keyringOf(randomBytes(32)));
  const histories = { codec: createPayloadCodec(keys), keys };
  const running = open?.(histories.codec);
  const starter = createStarter({ inventory, engine: running ?? engine, log, sweepEveryMs: 100 });
  const deps = {
    inventory,
    secrets: { read },
    engine: running ?? engine,
    starter,
    events,
    log,
    controlPublicKey: 'ssh-ed25519 AAAA holdfast control',
    temporalUiUrl,
    histories,
  };
  const app = createApp({ ...deps, version: '0.0.0-test', ...limits });
  const server = createApiServer(app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const { id: project } = await inventory.projects.ensure('default');
  await inventory.images.record('docker', 'holdfast/test:1', {
    format: 1,
    builtAt: '2026-11-20T00:00:00.000Z',
    debian: '13.2',
    postgresql: { '15': '15.20', '17': '17.12', '18': '18.6' },
    tools: { patroni: '4.1.5' },
  });

  const url = `http://127.0.0.1:${port}`;
  const token: TestApi['token'] = async (scopes = SCOPES, projectId = project, expiresAt) => {
    const id = newId('tok');
    const text = makeTokenText(id);
    const until = expiresAt ?? new Date(Date.now() + 3_600_000).toISOString();
    await inventory.tokens.create({ id, projectId, name: 'tester', scopes, expiresAt: until, hash: hashToken(text) });
    return text;
  };
  const owner = await token();
  return {
    url,
    database,
    inventory,
    engine,
    routes: allRoutes(deps),
    secrets,
    codec: histories.codec,
    logLines,
    project,
    token,
    request: (method, path, options = {}) => send(`${url}${path}`, method, { token: owner, ...options }),
    async stop() {
      events.close();
      await starter.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await running?.close();
      await inventory.close();
      await database.drop();
    },
  };
}

async function send(url: string, method: string, { body, text, token, headers }: RequestOptions): Promise<TestAnswer> {
  const content = text ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(url, {
    method,
    ...(content === undefined ? {} : { body: content }),
    headers: {
      ...(content === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...(token === null || token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...headers,
    },
  });
  const answer = await response.text();
  const isJson = response.headers.get('Content-Type')?.includes('json') ?? false;
  const parsed = (isJson ? JSON.parse(answer) : { text: answer }) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, body: parsed };
}

/** Reads server-sent events until the stream ends or `count` have come. */
export async function readEvents(
  url: string,
  token: string,
  after = 0,
  count = Infinity,
): Promise<{ id: number; event: string; data: Record<string, unknown> }[]> {
  const stop = new AbortController();
  const response = await fetch(url, {
    headers: { Authorization: `Bearer ${token}`, 'Last-Event-ID': String(after) },
    signal: stop.signal,
  });
  const events: { id: number; event: string; data: Record<string, unknown> }[] = [];
  let rest = '';
  if (response.body === null) return events;
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      if (fields['id'] === undefined) continue;
      events.push({
        id: Number(fields['id']),
        event: fields['event'] ?? '',
        data: JSON.parse(fields['data'] ?? '{}') as Record<string, unknown>,
      });
    }
    if (events.length >= count) break;
  }
  stop.abort();
  return events;
}
