import { hostToken } from '../../../activities/cloud/tokens';
import { viewCluster } from '../../../activities/fleet';
import { isQuorumFormed } from '../../../activities/patroni/catch-up';
import { waitedFor } from '../../../activities/patroni/waited-for';
import type { HeartbeatRole } from '../../../domain/heartbeats';
import type { OperationKind } from '../../../domain/operations';
import type { NodeName } from '../../../domain/topology';
import { finish, newSubmission, refOf } from '../../support/inventory';
import { activities, begin, cluster, end, fleet, inActivity, opened, openReplacements, powerOn } from './replacing';

/** Which data nodes an operation waits for before it ends. */

openReplacements();

/** Ordered, asked and ended. */
async function waitedIn(kind: OperationKind, node?: NodeName, takesOver = false): Promise<unknown> {
  const draft = newSubmission(cluster, kind);
  const { operation } = await opened.inventory.operations.submit(null, {
    ...draft,
    operation: { ...draft.operation, ...(node && { node }) },
  });
  const at = refOf(operation);
  if (kind === 'switchover' || takesOver)
    await fleet.inventory.operations.recordSwitchover(at, { from: 'pg-1', to: 'pg-2' });
  const waited = await inActivity(async () => waitedFor(fleet, at, await viewCluster(fleet, cluster.id)));
  await finish(opened.inventory, operation);
  return waited;
}

async function say(node: NodeName, role: HeartbeatRole, silentMs: number): Promise<void> {
  // What was written later would stay.
  await opened.scratch.query('delete from heartbeats where cluster_id = $1 and node = $2', [cluster.id, node]);
  await fleet.inventory.heartbeats.record([{ clusterId: cluster.id, node, role, silentMs }]);
}

test.each<[OperationKind, NodeName | undefined]>([
  ['restart-node', 'pg-2'],
  ['reinit-node', 'pg-2'],
  ['replace-node', 'pg-2'],
  ['switchover', undefined],
])('%s waits for all while all are there; not for another one that is off, silent or down', async (kind, node) => {
  await say('pg-3', 'replica', 0);
  expect(await waitedIn(kind, node)).toEqual(['pg-1', 'pg-2', 'pg-3']);
  await say('pg-3', 'replica', 4_000);
  expect(await waitedIn(kind, node)).toEqual(['pg-1', 'pg-2']);
  await say('pg-3', 'down', 0);
  expect(await waitedIn(kind, node)).toEqual(['pg-1', 'pg-2']);
  await say('pg-3', 'replica', 0);
  await fleet.clouds.docker.powerOff(hostToken(cluster, 'pg-3'));
  expect(await waitedIn(kind, node)).toEqual(['pg-1', 'pg-2']);
  await powerOn('pg-3');
});

test('what it works on is waited for while it is silent, and not when its host is off; a fresh host always', async () => {
  await say('pg-2', 'down', 4_000);
  expect(await waitedIn('reinit-node', 'pg-2')).toContain('pg-2');
  await fleet.clouds.docker.powerOff(hostToken(cluster, 'pg-2'));
  expect(await waitedIn('reinit-node', 'pg-2')).not.toContain('pg-2');
  expect(await waitedIn('replace-node', 'pg-2')).toContain('pg-2');
  await powerOn('pg-2');
});

test('who took over from one that is replaced is waited for only while it is there', async () => {
  await say('pg-2', 'primary', 0);
  expect(await waitedIn('replace-node', 'pg-1', true)).toEqual(['pg-1', 'pg-2', 'pg-3']);
  await fleet.clouds.docker.powerOff(hostToken(cluster, 'pg-2'));
  expect(await waitedIn('replace-node', 'pg-1', true)).toEqual(['pg-1', 'pg-3']);
  await powerOn('pg-2');
});

test('a replica that nobody waits for does not count for one that is waited for', async () => {
  await inActivity(async () => {
    const view = await viewCluster(fleet, cluster.id);
    expect(await isQuorumFormed(fleet, view, ['pg-1', 'pg-2'])).toBe(true);
    await fleet.clouds.docker.powerOff(hostToken(cluster, 'pg-2'));
    expect(await isQuorumFormed(fleet, view, 1)).toBe(true);
    expect(await isQuorumFormed(fleet, view, ['pg-1', 'pg-2'])).toBe(false);
    await powerOn('pg-2');
  });
}, 60_000);

test('a replacement ends though another data node is lost meanwhile, which is replaced then', async () => {
  await inActivity(async () => {
    const first = await begin('pg-2');
    await activities.joinEtcdAgain(first.at, 'pg-2');
    await fleet.clouds.docker.deleteHost(hostToken(cluster, 'pg-3'));
    await end(first.at, 'pg-2');
    await finish(opened.inventory, first.operation);
    const second = await begin('pg-3');
    await end(second.at, 'pg-3');
    await finish(opened.inventory, second.operation);
  });
}, 120_000);
