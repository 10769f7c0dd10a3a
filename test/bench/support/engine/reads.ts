import { z } from 'zod';
import type { Past } from './seed';

/** How long the API takes to answer reads, over HTTP, with several clients at once. */

export interface ReadTimes {
  readonly path: string;
  readonly tookMs: readonly number[];
}

export interface Reader {
  readonly url: string;
  /** Requests are spread over them: each may ask only so often. */
  readonly tokens: readonly string[];
  readonly signal: AbortSignal;
}

const CLIENTS = 4;
const page = z.object({ nextCursor: z.string().nullable() });

export async function measureReads(reader: Reader, past: Past, requests: number): Promise<ReadTimes[]> {
  const some = <T>(items: readonly T[], i: number): T => {
    const item = items[(i * 7919) % items.length];
    if (item === undefined) throw new Error('nothing to read');
    return item;
  };
  const deep = await deepCursor(reader);
  const paths: Record<string, (i: number) => string> = {
    'GET /v1/clusters': () => '/v1/clusters?limit=50',
    'GET /v1/clusters/{name}': (i) => `/v1/clusters/${some(past.clusters, i).name}`,
    'GET /v1/clusters/{name}/operations': (i) => `/v1/clusters/${some(past.clusters, i).name}/operations?limit=50`,
    'GET /v1/operations': () => '/v1/operations?limit=50',
    'GET /v1/operations, 2,000 operations back': () => `/v1/operations?limit=50&cursor=${encodeURIComponent(deep)}`,
    'GET /v1/operations?state=failed': () => '/v1/operations?limit=50&state=failed',
    'GET /v1/operations/{id}': (i) => `/v1/operations/${some(past.operations, i)}`,
  };
  const times: ReadTimes[] = [];
  for (const [path, at] of Object.entries(paths)) times.push({ path, tookMs: await measure(reader, at, requests) });
  return times;
}

async function measure(reader: Reader, at: (i: number) => string, requests: number): Promise<number[]> {
  const tookMs: number[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < requests) {
      const i = next++;
      const beganAt = performance.now();
      await read(reader, at(i), i);
      tookMs.push(performance.now() - beganAt);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return tookMs;
}

async function read({ url, tokens, signal }: Reader, path: string, i = 0): Promise<unknown> {
  const token = tokens[i % tokens.length] ?? '';
  const response = await fetch(`${url}${path}`, { headers: { Authorization: `Bearer ${token}` }, signal });
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

const PAGE = 100;
const BACK = 2_000;

/** A cursor far from the newest operation. @throws Error when there are not so many. */
async function deepCursor(reader: Reader): Promise<string> {
  let cursor = '';
  for (let i = 0; i < BACK / PAGE; i++) {
    const { nextCursor } = page.parse(
      await read(reader, `/v1/operations?limit=${PAGE}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`, i),
    );
    if (nextCursor === null) throw new Error(`reads need more than ${BACK} operations`);
    cursor = nextCursor;
  }
  return cursor;
}
