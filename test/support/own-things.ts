import type { OperationId, TimelineId } from '../../domain/ids';
import type { Operation } from '../../domain/operations';
import type { TestApi } from './api';
import { finish, newCluster, newId, newSubmission, refOf } from './inventory';
import { type DescribedOperation, exampleBody } from './openapi';

/** Real ids of the project's own things, by the name that the API's paths have for them. */
export async function ownThings(
  api: TestApi,
  operations: readonly DescribedOperation[],
): Promise<Readonly<Record<string, string>>> {
  const make = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const { status, body: answer } = await api.request('POST', path, { body });
    expect([path, status]).toEqual([path, expect.any(Number)]);
    expect(status).toBeLessThan(300);
    return answer;
  };
  const order = await make('/v1/clusters', { name: 'mine', plan: 'sandbox' });
  const token = await make('/v1/tokens', { name: 'mine', scopes: ['clusters:read'] });
  const made: Record<string, string> = {
    cluster: String(order['clusterId']),
    operation: String(order['id']),
    token: String(token['id']),
  };
  for (const operation of operations.filter(({ method, pattern }) => method === 'POST' && !pattern.includes('{'))) {
    const name = operations
      .find(({ pattern }) => pattern.startsWith(`${operation.pattern}/{`))
      ?.pattern.match(/\{(\w+)\}/)?.[1];
    if (name === undefined || made[name] !== undefined) continue;
    const change = 'name' in (exampleBody(operation) ?? {}) ? { name: 'mine' } : {};
    made[name] = String((await make(operation.pattern, { ...exampleBody(operation), ...change }))['id']);
  }
  // Ended: a stream of its events ends too, and nobody hands it over again.
  const operation = await api.inventory.operations.get(String(order['id']) as OperationId);
  if (operation === null) throw new Error('no operation');
  const [timelineId, backup] = [newId('tl'), newId('bkp')];
  await api.inventory.timelines.open(refOf(operation), { id: timelineId, sites: ['primary'], version: '18' });
  const asked = { id: backup, timelineId, type: 'full', description: null, version: '18' } as const;
  await api.inventory.backups.begin(refOf(operation), asked);
  await api.inventory.nodes.place(refOf(operation), [{ name: 'pg-1', role: 'data', failureDomain: 'here' }]);
  await finish(api.inventory, operation);
  return {
    ...made,
    backup,
    node: 'pg-1',
    drill: await heldDrill(api, operation, timelineId),
    dump: await takenDump(api, operation.projectId),
  };
}

async function takenDump(api: TestApi, projectId: Operation['projectId']): Promise<string> {
  const { clusters, operations: submitted, timelines } = api.inventory;
  const cluster = newCluster(projectId, 'dumped');
  const { operation } = await submitted.submitCreate(cluster, newSubmission(cluster));
  const dump = {
    id: newId('dmp'),
    timelineId: newId('tl'),
    database: 'app',
    description: null,
    version: '18',
  } as const;
  await timelines.open(refOf(operation), { id: dump.timelineId, sites: ['primary'], version: '18' });
  await clusters.setStatus(refOf(operation), { state: 'ready', endpoint: null });
  await finish(api.inventory, operation);
  await finish(api.inventory, (await submitted.submit(null, { ...newSubmission(cluster, 'dump'), dump })).operation);
  return dump.id;
}

async function heldDrill(api: TestApi, { projectId, clusterId }: Operation, timelineId: TimelineId): Promise<string> {
  const drill = { id: newId('drl'), clusterId, timelineId };
  const cluster = newCluster(projectId, 'drilled');
  const submission = { ...newSubmission(cluster, 'drill'), drill };
  const { operation } = await api.inventory.operations.submitCreate(cluster, submission);
  await finish(api.inventory, operation);
  return drill.id;
}
