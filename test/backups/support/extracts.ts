import { dumpSchema } from '../../../domain/schemas/dumps';
import type { OperationAnswer } from '../../../domain/schemas/operations';
import type { Holdfast } from '../../support/holdfast';
import { login, query } from '../../system/support/endpoint';
import { storedOn } from './dump-user';
import { ask, backupsOf, takeBackup } from './user';

/** One database out of the backups of a cluster, as a user asks for it, and what is left of what that took. */

/** Drops a table of the first database, and gives the time before that, and a backup that was taken before. */
export async function dropTable(
  holdfast: Holdfast,
  cluster: string,
  table: string,
): Promise<{ readonly time: string; readonly backup: string }> {
  const { id: operation } = await takeBackup(holdfast, cluster, { type: 'incremental' });
  await holdfast.succeed(operation);
  const backup = (await backupsOf(holdfast, cluster)).find(({ operationId }) => operationId === operation)?.id ?? '';
  const config = login(await holdfast.credentials(cluster), 'primaryPort');
  // By the clock of the database, which has milliseconds to spare on both sides.
  await query(config, 'select pg_sleep(0.2)');
  const [{ now } = { now: new Date() }] = await query<{ now: Date }>(config, 'select clock_timestamp() as now');
  await query(config, 'select pg_sleep(0.2)');
  await query(config, `drop table ${table} cascade`);
  return { time: now.toISOString(), backup };
}

/** Waits until it is there, and tells how long each step took. */
export async function restoreDatabase(holdfast: Holdfast, cluster: string, request: object): Promise<OperationAnswer> {
  const { id } = await ask(holdfast, 'POST', `/v1/clusters/${cluster}/restores/database`, request);
  const operation = await holdfast.succeed(id);
  const took = operation.steps.map(
    ({ title, startedAt, finishedAt }) => `${title}: ${Date.parse(finishedAt ?? '') - Date.parse(startedAt ?? '')} ms`,
  );
  console.log(`${JSON.stringify(request)}\n${took.join('\n')}`);
  const { checks = [] } = operation.restored ?? {};
  const names = ['data checksums', 'tables and rows', 'tables and indexes'];
  expect(checks.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  expect(checks.filter(({ passed }) => !passed)).toEqual([]);
  return operation;
}

/** Hosts, networks and volumes of the cluster that was made for it, and the dump. */
export async function leftOfExtract(holdfast: Holdfast, { id, clusterId }: OperationAnswer): Promise<string[]> {
  const label = `holdfast.cluster=${clusterId}`;
  const [containers, networks, volumes] = await Promise.all([
    holdfast.docker.listContainers({ all: true, filters: { label: [label] } }),
    holdfast.docker.listNetworks({ filters: { label: [label] } }),
    holdfast.docker.listVolumes({ filters: { label: [label] } }),
  ]);
  // Lists of all dumps leave it out.
  const { body } = await holdfast.api('GET', `/v1/clusters/${clusterId}/dumps`);
  const dumps = dumpSchema.array().parse((body as { items: unknown }).items);
  const dump = dumps.find(({ operationId }) => operationId === id);
  const stored = await Promise.all(
    ['primary', 'secondary'].map((site) => storedOn(holdfast, site, dump?.timelineId ?? '')),
  );
  return [
    ...containers.map(({ Names }) => Names.join()),
    ...networks.map(({ Name }) => Name),
    ...volumes.Volumes.map(({ Name }) => Name),
    ...stored.flat().filter((key) => dump === undefined || key.includes(dump.id)),
    ...(dump?.state === 'deleted' ? [] : [`the dump is ${dump?.state ?? 'unknown'}`]),
  ];
}
