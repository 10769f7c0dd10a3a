import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { clusterSchema } from '../../../domain/schemas/clusters';
import type { DrillDetailAnswer } from '../../../domain/schemas/drills';
import { drillDetailSchema, drillSchema } from '../../../domain/schemas/drills';
import type { OperationAnswer } from '../../../domain/schemas/operations';
import { eventually } from '../../support/eventually';
import type { Holdfast } from '../../support/holdfast';
import { ask } from './user';

/** Drills as a user holds them, and what is left of them. */

const POLL = { everyMs: 500, limitMs: 180_000 };

export const holdDrill = (holdfast: Holdfast, cluster: string): Promise<OperationAnswer> =>
  ask(holdfast, 'POST', `/v1/clusters/${cluster}/drills`, {});

/** The drill of an operation, once that has ended. */
export async function endedDrill(
  holdfast: Holdfast,
  cluster: string,
  { id }: OperationAnswer,
): Promise<DrillDetailAnswer> {
  await eventually(async () => {
    const { state, reason } = await holdfast.operation(id);
    if (state === 'waiting') throw new Error(`the drill waits: ${String(reason)}`);
    return ['succeeded', 'failed', 'cancelled'].includes(state);
  }, POLL).catch(async (error: unknown) => {
    throw new Error(`drill ${id}: ${JSON.stringify((await holdfast.operation(id)).steps, null, 1)}`, { cause: error });
  });
  const { body } = await holdfast.api('GET', `/v1/clusters/${cluster}/drills`);
  const found = z
    .object({ items: z.array(drillSchema) })
    .parse(body)
    .items.find(({ operationId }) => operationId === id);
  const detail = await holdfast.api('GET', `/v1/clusters/${cluster}/drills/${found?.id ?? 'none'}`);
  return drillDetailSchema.parse(detail.body);
}

/** Names of clusters as lists tell them. */
export async function clustersOf(holdfast: Holdfast, query: '' | '?drills=true' = ''): Promise<string[]> {
  const { body } = await holdfast.api('GET', `/v1/clusters${query}`);
  return z
    .object({ items: z.array(clusterSchema) })
    .parse(body)
    .items.map(({ name }) => name);
}

/** What the cloud has of a cluster that was made for a drill. */
export async function leftOf(holdfast: Holdfast, { restoredClusterId }: DrillDetailAnswer): Promise<string[]> {
  const label = `holdfast.cluster=${restoredClusterId}`;
  const [containers, networks, volumes] = await Promise.all([
    holdfast.docker.listContainers({ all: true, filters: { label: [label] } }),
    holdfast.docker.listNetworks({ filters: { label: [label] } }),
    holdfast.docker.listVolumes({ filters: { label: [label] } }),
  ]);
  return [
    ...containers.map(({ Names }) => Names.join()),
    ...networks.map(({ Name }) => Name),
    ...volumes.Volumes.map(({ Name }) => Name),
  ];
}

/** Damages the files of all backups in a store by one byte each, where a disk might. @returns how to mend them. */
export function damageBackups(folder: string): { readonly files: number; readonly mend: () => void } {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(
      (entry) => entry.isFile() && /\/backup\/[^/]+\/\d{8}-[^/]+\/(?:bundle|pg_data)/.test(`${entry.parentPath}/`),
    )
    .map((entry) => join(entry.parentPath, entry.name));
  const whole = files.map((file) => ({ file, content: readFileSync(file) }));
  for (const { file, content } of whole) {
    const damaged = Buffer.from(content);
    const at = Math.floor(damaged.length / 2);
    damaged[at] = (damaged[at] ?? 0) ^ 0xff;
    writeFileSync(file, damaged);
  }
  return { files: files.length, mend: () => whole.forEach(({ file, content }) => writeFileSync(file, content)) };
}
