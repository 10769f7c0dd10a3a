import { Client } from 'pg';
import { request as httpRequest } from 'node:http';
import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../../domain/errors';
import { problemSchema, type Problem } from '../../domain/schemas/problems';
import type { TestApi } from './api';
import { isOneOf } from './is-one-of';
import { type DescribedOperation, operationFor, readOperations } from './openapi';

/** Requests as a bad client sends them, and what has to be true of every refusal. */

export interface BadRequest {
  readonly method: string;
  /** Sent as it is: `..` and percent-escapes stay. */
  readonly path: string;
  /** Becomes JSON. */
  readonly body?: unknown;
  /** Sent as it is. */
  readonly bytes?: Buffer | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** null sends none. */
  readonly token?: string | null;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
}

export interface Refusal {
  readonly code: ErrorCode;
  /** Each as `body /name`; when given, these and no others are named. */
  readonly at?: readonly string[];
}

export interface Examiner {
  readonly api: TestApi;
  readonly operations: readonly DescribedOperation[];
  /** Sends it by the owner's token, unless it brings another. */
  send(request: BadRequest): Promise<RawAnswer>;
  /**
   * Sends it and holds that it is refused as every bad request has to be: a problem of the catalogue, documented for
   * that operation, nothing written, nothing started, and the process answers the next request.
   */
  refused(request: BadRequest, refusal?: Refusal): Promise<Problem>;
  /** Everything that the inventory holds and the engine was told, to be compared. */
  world(): Promise<object>;
  stop(): Promise<void>;
}

export async function examine(api: TestApi): Promise<Examiner> {
  const owner = await api.token();
  const operations = await readOperations(api);
  const watcher = new Client({ connectionString: api.database.url });
  await watcher.connect();
  const everything = await inventoryQuery(watcher);
  const world = async (): Promise<object> => {
    const { rows } = await watcher.query<Record<string, string>>(everything);
    const { started, decisions } = api.engine;
    // What is not begun is handed over again and again: that is one.
    const handedOver = new Set(started.map(({ operationId }) => operationId)).size;
    return { tables: rows[0], handedOver, decisions: decisions.length };
  };
  const send = (request: BadRequest): Promise<RawAnswer> => sendRaw(api.url, { token: owner, ...request });
  const refused: Examiner['refused'] = async (request, refusal) => {
    const before = await world();
    const answer = await send(request);
    const problem = problemIn(answer);
    expect({ [titleOf(request)]: seen(problem, refusal) }).toEqual({ [titleOf(request)]: refusal ?? {} });
    expectDocumented(operationFor(operations, request.method, request.path), problem);
    expect([titleOf(request), await world()]).toEqual([titleOf(request), before]);
    expect((await send({ method: 'GET', path: '/healthz' })).status).toBe(200);
    return problem;
  };
  return { api, operations, send, refused, world, stop: () => watcher.end() };
}

const titleOf = ({ method, path }: BadRequest): string => `${method} ${path.slice(0, 200)}`;

/** What of the problem the caller named. */
function seen({ code, errors = [] }: Problem, refusal: Refusal | undefined): object {
  const at = errors.map((error) => `${error.in} ${error.pointer}`);
  return { ...(refusal && { code }), ...(refusal?.at && { at }) };
}

/** The problem in an answer. Fails when it is none, has no code of the catalogue, or is not what its status says. */
export function problemIn({ status, headers, text }: RawAnswer): Problem {
  expect([status, headers['content-type'], text]).toEqual([
    status,
    expect.stringMatching(/^application\/problem\+json/),
    text,
  ]);
  const problem = z.strictObject(problemSchema.shape).parse(JSON.parse(text));
  const { code, type, docUrl, requestId, errors } = problem;
  if (!isOneOf<ErrorCode>(code, Object.keys(ERRORS))) throw new Error(`${code} is not in the catalogue`);
  expect(problem).toMatchObject({ status, title: ERRORS[code].title, retryable: ERRORS[code].retryable });
  expect([ERRORS[code].status, type, docUrl]).toEqual([status, `/v1/errors/${code}`, `/v1/errors/${code}`]);
  expect(headers['x-request-id']).toBe(requestId);
  expect(status).toBeLessThan(500);
  // A field that is at fault is named, in words.
  expect([code, errors?.length ?? 0]).toEqual([code, code === 'VALIDATION_FAILED' ? expect.any(Number) : 0]);
  if (code === 'VALIDATION_FAILED') expect(errors?.length).toBeGreaterThan(0);
  for (const { message } of errors ?? []) expect(message).toMatch(/\S+ \S+/);
  return problem;
}

/** Paths and methods that no operation has are refused by codes that belong to none. */
function expectDocumented(operation: DescribedOperation | undefined, { code, status }: Problem): void {
  if (operation === undefined) {
    expect(['NOT_FOUND', 'METHOD_NOT_ALLOWED', 'MALFORMED_REQUEST', 'VALIDATION_FAILED']).toContain(code);
    return;
  }
  const response = operation.responses[status];
  expect([operation.operationId, code, response?.description]).toEqual([
    operation.operationId,
    code,
    expect.stringContaining(`${code}:`),
  ]);
  expect(Object.keys(response?.content ?? {})).toEqual(['application/problem+json']);
}

/** One row, a digest for each table: all rows of all tables but when a token was last used, which each request writes. */
async function inventoryQuery(client: Client): Promise<string> {
  const { rows } = await client.query<{ tablename: string }>(
    `select tablename from pg_tables where schemaname = 'public' order by 1`,
  );
  const tables = rows.map(({ tablename }) => tablename);
  expect(tables).toEqual(expect.arrayContaining(['operations', 'clusters', 'audit_log', 'idempotency_keys', 'tokens']));
  const digest = (table: string): string =>
    `coalesce((select md5(string_agg(md5(row::text), '' order by md5(row::text)))
       from (select to_jsonb(t) - 'last_used_at' as row from "${table}" t) rows), 'empty')`;
  return `select ${tables.map((table) => `${digest(table)} as "${table}"`).join(', ')}`;
}

const CONTENT: Readonly<Record<string, string>> = { 'Content-Type': 'application/json' };

export function sendRaw(url: string, { method, path, body, bytes, headers, token }: BadRequest): Promise<RawAnswer> {
  const content = bytes ?? (body === undefined ? undefined : JSON.stringify(body));
  const all = {
    ...(content === undefined ? {} : { ...CONTENT, 'Content-Length': String(Buffer.byteLength(content)) }),
    ...(token === null || token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method, path, headers: all, timeout: 20_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(
            Object.entries(response.headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
          ),
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.once('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer`)));
    sent.once('error', reject);
    sent.end(content);
  });
}
