import { z } from 'zod';
import type { DumpAnswer, DumpDownloadAnswer } from '../../../domain/schemas/dumps';
import { dumpDownloadSchema, dumpSchema } from '../../../domain/schemas/dumps';
import type { OperationAnswer } from '../../../domain/schemas/operations';
import { isFinal } from '../../../domain/operations';
import { isId } from '../../../domain/ids';
import { dumpScheduleId } from '../../../domain/names';
import { hostOf, viewCluster } from '../../../activities/fleet';
import { sh } from '../../../activities/host/shell';
import { dataNodesOf } from '../../../activities/fleet';
import { findPrimary, runSql } from '../../../activities/postgres/psql';
import type { SqlText } from '../../../activities/postgres/sql';
import { eventually } from '../../support/eventually';
import type { Holdfast } from '../../support/holdfast';
import { setPolicy, trigger } from './scheduled';
import { ask } from './user';

/** Dumps as a user asks for them, and what an operator sees of them on hosts and in stores. */

export async function dumpsOf(holdfast: Holdfast, cluster: string): Promise<DumpAnswer[]> {
  const { body } = await holdfast.api('GET', `/v1/clusters/${cluster}/dumps`);
  return z.object({ items: z.array(dumpSchema) }).parse(body).items;
}

/** Dumps, waits for it, and gives it. */
export async function dump(holdfast: Holdfast, cluster: string, request: object = {}): Promise<DumpAnswer> {
  const { id } = await ask(holdfast, 'POST', `/v1/clusters/${cluster}/dumps`, request);
  await holdfast.succeed(id);
  return dumpOf(holdfast, cluster, id);
}

export async function dumpOf(holdfast: Holdfast, cluster: string, operation: string): Promise<DumpAnswer> {
  const found = (await dumpsOf(holdfast, cluster)).find(({ operationId }) => operationId === operation);
  if (!found) throw new Error(`no dump of ${operation}`);
  return found;
}

export const restoreDump = (holdfast: Holdfast, id: string, request: object): Promise<OperationAnswer> =>
  ask(holdfast, 'POST', `/v1/dumps/${id}/restores`, request);

export function ended(holdfast: Holdfast, id: string): Promise<OperationAnswer> {
  return eventually(
    async () => {
      const operation = await holdfast.operation(id);
      return isFinal(operation.state) && operation;
    },
    { everyMs: 300, limitMs: 400_000 },
  );
}

export async function downloadOf(holdfast: Holdfast, id: string, request: object = {}): Promise<DumpDownloadAnswer> {
  const { status, body } = await holdfast.api('POST', `/v1/dumps/${id}/download`, request);
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return dumpDownloadSchema.parse(body);
}

/** As superuser, on the primary. */
export async function onPrimary(holdfast: Holdfast, cluster: string, text: SqlText): Promise<string> {
  const view = await viewOf(holdfast, cluster);
  const primary = await findPrimary(holdfast.fleet, view);
  return runSql(view, hostOf(holdfast.fleet, view, primary), 'postgres', text, 'a look');
}

/** What dumps and restores of them left on the data nodes. */
export async function leftOnNodes(holdfast: Holdfast, cluster: string): Promise<string[]> {
  const view = await viewOf(holdfast, cluster);
  const lists = dataNodesOf(view).map(async (node) => {
    const found = await hostOf(holdfast.fleet, view, node).run(sh`ls /var/lib/postgresql`);
    return found.split('\n').filter((name) => name.startsWith('holdfast-'));
  });
  return (await Promise.all(lists)).flat();
}

/** The cluster of that name as activities see it. */
export async function viewOf(holdfast: Holdfast, cluster: string): ReturnType<typeof viewCluster> {
  const { id } = await holdfast.cluster(cluster);
  if (!isId('clu', id)) throw new Error(id);
  return viewCluster(holdfast.fleet, id);
}

/** Keys of the archives that a site has of a lineage. */
export async function storedOn({ fleet }: Holdfast, site: string, timeline: string): Promise<string[]> {
  if (!isId('tl', timeline)) throw new Error(timeline);
  const keys: string[] = [];
  for await (const { key } of fleet.storage.list(site, timeline, 'dumps/')) keys.push(key);
  return keys;
}

/** Has dumps taken by schedule, lets the Schedule begin one, and gives it when it has ended. */
export async function scheduledDump(holdfast: Holdfast, cluster: string, dumps: object): Promise<DumpAnswer> {
  await setPolicy(holdfast, cluster, { dumps });
  const taken = await trigger(holdfast, cluster, dumpScheduleId, dumpsOf);
  await ended(holdfast, taken.operationId);
  return dumpOf(holdfast, cluster, taken.operationId);
}

/** What the cluster says of its scheduled dumps. */
export async function dumpedOf(
  holdfast: Holdfast,
  cluster: string,
): Promise<{ readonly status: boolean; readonly reason: string; readonly message: string } | undefined> {
  const { status } = await holdfast.cluster(cluster);
  return status.conditions.find(({ type }) => type === 'Dumped');
}
