import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { temporal } from '@temporalio/proto';
import type { Payload } from '@temporalio/common';
import { z } from 'zod';
import { commandIn } from '../../support/command';
import type { Holdfast } from '../../support/holdfast';
import { demandSuccess, runTool } from '../support/image-tools';
import type { Place } from '../support/secret-search';

/** Everything that somebody may look at: as text, with something that is known to stand there. */

/** Histories of all workflows, as Temporal keeps them and with what the codec makes readable of them. */
export async function histories(holdfast: Holdfast, control: string): Promise<Place[]> {
  const [raw, decoded]: [string[], string[]] = [[], []];
  for await (const { workflowId, runId } of holdfast.temporal.workflow.list()) {
    const history = await holdfast.temporal.workflow.getHandle(workflowId, runId).fetchHistory();
    raw.push(workflowId, Buffer.from(temporal.api.history.v1.History.encode(history).finish()).toString('latin1'));
    decoded.push(...(await decodedPayloads(holdfast, history)));
  }
  return [
    { name: 'histories as Temporal keeps them', text: raw.join('\n'), control: 'cluster/' },
    { name: 'histories decoded', text: decoded.join('\n'), control },
  ];
}

/** All that a history holds encrypted, as text. */
export async function decodedPayloads({ fleet }: Holdfast, history: unknown): Promise<string[]> {
  const plain = await fleet.codec.decode(payloadsOf(history));
  return plain.map(({ data }) => Buffer.from(data ?? []).toString('utf8'));
}

function payloadsOf(value: unknown): Payload[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  const own = isPayload(value) ? [value] : [];
  return [...own, ...Object.values(value).flatMap(payloadsOf)];
}

const isPayload = (value: object): value is Payload =>
  'data' in value && 'metadata' in value && value.data instanceof Uint8Array;

/** The inventory as a dump has it, and every column of every row with its bytes as text. */
export async function inventory({ database }: Holdfast, control: string): Promise<Place[]> {
  const dump = demandSuccess(await runTool(`pg_dump --no-owner '${database.url}'\n`));
  const tables = await database.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'public'`,
  );
  const cells = await Promise.all(
    tables.map(async ({ name }) =>
      (await database.query<Record<string, unknown>>(`select * from ${name}`)).map(cellsOf),
    ),
  );
  return [
    { name: 'dump of the inventory', text: dump, control },
    { name: 'columns of the inventory', text: cells.flat(2).join('\n'), control },
  ];
}

const cellsOf = (row: Record<string, unknown>): string[] =>
  Object.values(row).map((cell) => (Buffer.isBuffer(cell) ? cell.toString('latin1') : (JSON.stringify(cell) ?? '')));

/** Every answer of the API that is not made to show a secret, and its metrics. */
export async function answers(holdfast: Holdfast, control: string): Promise<Place[]> {
  const get = async (path: string): Promise<string> => JSON.stringify((await holdfast.api('GET', path)).body);
  const list = async (path: string): Promise<string[]> => {
    const { items } = z
      .object({ items: z.array(z.object({ id: z.string() })) })
      .parse((await holdfast.api('GET', path)).body);
    return items.map(({ id }) => `${path}/${id}`);
  };
  const [clusters, operations] = await Promise.all([list('/v1/clusters'), list('/v1/operations')]);
  const fixed = ['/v1/clusters', '/v1/operations', '/v1/tokens', '/v1/plans', '/v1/versions', '/readyz', '/v1/nowhere'];
  const texts = await Promise.all([...fixed, ...clusters, ...operations].map(get));
  const metrics = await (await fetch(`${holdfast.url}/metrics`)).text();
  return [
    { name: 'answers of the API', text: texts.join('\n'), control },
    { name: 'metrics', text: metrics, control: 'holdfast_http_request' },
  ];
}

/** What operations and their steps failed with. */
export async function errorTexts({ database }: Holdfast): Promise<Place[]> {
  const rows = await database.query<{ text: string | null }>(
    'select last_error as text from steps union all select error::text from operations union all select reason from operations union all select body::text from operation_events',
  );
  return [{ name: 'error texts', text: rows.map(({ text }) => text ?? '').join('\n'), control: 'psql' }];
}

/** What a user sends to whoever helps: `holdfast support bundle`, unpacked. */
export async function supportBundle({ home, url, token }: Holdfast, control: string): Promise<Place> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-bundle-'));
  try {
    const environment = { HOLDFAST_HOME: home.folder, HOLDFAST_URL: url, HOLDFAST_TOKEN: token };
    const { code, stderr } = await commandIn(folder, environment).run(['support', 'bundle', '--file', 'bundle.tar.gz']);
    if (code !== 0 || stderr.includes('Not in it')) throw new Error(`no whole support bundle: ${stderr}`);
    const unpack = ['-xzOf', path.join(folder, 'bundle.tar.gz')];
    const { stdout } = await promisify(execFile)('tar', unpack, { maxBuffer: 64 * 1024 ** 2 });
    return { name: 'support bundle', text: stdout, control };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
