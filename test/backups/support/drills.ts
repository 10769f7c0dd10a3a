import { z } from 'zod';
import { drillScheduleId } from '../../../domain/names';
import { clusterSchema } from '../../../domain/schemas/clusters';
import type { DrillDetailAnswer } from '../../../domain/schemas/drills';
import { drillDetailSchema, drillSchema } from '../../../domain/schemas/drills';
import type { OperationAnswer } from '../../../domain/schemas/operations';
import { eventually } from '../../support/eventually';
import type { Holdfast } from '../../support/holdfast';
import { lastProofOf } from './records';
import { setPolicy, trigger } from './scheduled';
import { ask, POLL } from './user';

/** Drills as a user holds them, and what is left of them. */

export const holdDrill = (holdfast: Holdfast, cluster: string): Promise<OperationAnswer> =>
  ask(holdfast, 'POST', `/v1/clusters/${cluster}/drills`, {});

async function drillsOf(holdfast: Holdfast, cluster: string): Promise<z.infer<typeof drillSchema>[]> {
  const { body } = await holdfast.api('GET', `/v1/clusters/${cluster}/drills`);
  return z.object({ items: z.array(drillSchema) }).parse(body).items;
}

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
  const found = (await drillsOf(holdfast, cluster)).find(({ operationId }) => operationId === id);
  const detail = await holdfast.api('GET', `/v1/clusters/${cluster}/drills/${found?.id ?? 'none'}`);
  return drillDetailSchema.parse(detail.body);
}

/** Names of clusters as lists tell them. */
async function clustersOf(holdfast: Holdfast, query: '' | '?drills=true' = ''): Promise<string[]> {
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

/** Of the cluster `shop`, whose policy is paused. @param holdfast only known once it runs. */
export function describeDrill(holdfast: () => Holdfast): void {
  test('a drill that is due proves that a backup can be restored, and leaves nothing but the evidence', async () => {
    const before = await clustersOf(holdfast());
    // Its backups have no times meanwhile: nothing but the drill comes by itself.
    const schedule = { full: null, differential: null, incremental: null };
    await setPolicy(holdfast(), 'shop', { paused: false, schedule, drill: '0 0 29 2 *' });
    const { operationId } = await trigger(holdfast(), 'shop', drillScheduleId, drillsOf);
    const operation = await holdfast().operation(operationId);
    expect(operation).toMatchObject({ kind: 'drill', cause: 'schedule', requestedBy: 'schedule' });
    expect(await clustersOf(holdfast())).toEqual(before);
    expect(await clustersOf(holdfast(), '?drills=true')).toEqual([operation.clusterName, ...before]);
    const credentials = await holdfast().api('GET', `/v1/clusters/${operation.clusterId}/credentials`);
    expect(credentials).toMatchObject({ status: 409, body: { code: 'CLUSTER_NOT_READY' } });

    const drill = await endedDrill(holdfast(), 'shop', operation);
    console.log(`${JSON.stringify(drill.target)} from ${String(drill.site)}, ${JSON.stringify(drill.checks)}`);
    expect(drill).toMatchObject({ state: 'succeeded', error: null });
    expect(drill.checks.map(({ name, passed }) => [name, passed])).toEqual([
      ['stops at its target', true],
      ['data checksums', true],
      ['tables and rows', true],
      ['tables and indexes', true],
      ['manifest in the store', true],
    ]);
    expect(['primary', 'secondary']).toContain(drill.site);
    expect(drill.setId).toMatch(/^\d{8}-\d{6}F/);
    const { site, setId, provenAt: lastVerifiedAt } = drill;
    expect(await lastProofOf(holdfast(), 'shop')).toEqual({ site, setId, lastVerifiedAt });
    expect(drill.databaseBytes).toBeGreaterThan(2 ** 20);
    expect(drill.phases.filter(({ seconds }) => seconds === null)).toEqual([]);
    expect(await leftOf(holdfast(), drill)).toEqual([]);
    expect(await clustersOf(holdfast(), '?drills=true')).toEqual(before);
    const { status, lastProvenRestore } = await holdfast().cluster('shop');
    expect(lastProvenRestore).toMatchObject({ drillId: drill.id, target: drill.target, provenAt: drill.provenAt });
    const condition = status.conditions.find(({ type }) => type === 'RestoreProven');
    expect(condition).toMatchObject({ status: true, reason: 'Proven' });
    await setPolicy(holdfast(), 'shop', { paused: true });
  });
}
