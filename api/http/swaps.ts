import { z } from 'zod';
import type { NewSwap } from '../../activities/inventory/swap-table';
import type { Submission } from '../../activities/inventory/inventory';
import type { RestoreTarget } from '../../domain/backups';
import type { Cluster } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { OperationSummary } from '../../domain/operations';
import { targetInWords } from '../../domain/restore-targets';
import { targetOf } from '../../domain/schemas/restores';
import { type KeptDataAnswer, keptDataSchema, restoreInPlaceSchema, rollbackSchema } from '../../domain/schemas/swaps';
import type { Swap } from '../../domain/swaps';
import { requireReady } from '../../domain/readiness';
import { clusterParams, previewFlag } from './clusters';
import type { ApiDeps } from './deps';
import { findLiveCluster, operationAt } from './find';
import { requireSite } from './restore-order';
import { openSource, requireInside } from './restore-window';
import { type AnyCall, reply, route, type Route } from './route';
import { acceptedOrPreview, replay, submissionOf, submitAsSeen } from './submit';
import { previewOfConfirm, previewOfSwap } from './swap-previews';

/** Restores in place: other data of the cluster's own past in the place of its data. */

export function swapRoutes(deps: ApiDeps): Route[] {
  return [inPlaceRoute(deps), keptRoute(deps), rollbackRoute(deps), confirmRoute(deps)];
}

const refusals = [
  'NOT_FOUND',
  'CLUSTER_BUSY',
  'CLUSTER_NOT_READY',
  'CLUSTER_STOPPED',
  'PRECONDITION_FAILED',
  'IDEMPOTENCY_KEY_REUSED',
] as const;

function inPlaceRoute(deps: ApiDeps): Route {
  const { inventory } = deps;
  return route({
    method: 'post',
    path: '/v1/clusters/{cluster}/restores/in-place',
    operationId: 'restoreInPlace',
    summary: 'Put the data of a cluster back to what it was at a time of its past',
    description:
      'The data is restored beside the old while that serves, then takes its place: nobody can write for some seconds. ' +
      'What was written since the target is kept for 24 hours. Endpoint, certificates and passwords stay. Say the target, if it is the ' +
      'newest state too, and type the name of the cluster as `confirm`.',
    tag: 'Backups',
    scope: 'clusters:write',
    headers: ['If-Match', 'Idempotency-Key'],
    params: clusterParams,
    query: z.strictObject({ preview: previewFlag }),
    body: restoreInPlaceSchema,
    answers: acceptedOrPreview,
    errors: [...refusals, 'CONFIRMATION_MISMATCH', 'BACKUPS_NOT_CONFIGURED', 'RESTORE_TARGET_OUTSIDE', 'OLD_DATA_KEPT'],
    async handle(call) {
      const { params, query, body, caller } = call;
      const repeated = await replay(deps, call);
      if (repeated) return repeated;
      const cluster = await findLiveCluster(inventory, caller, params.cluster);
      if (!query.preview) requireConfirmation(cluster, body.confirm);
      const source = await openSource(deps, cluster);
      const site = requireSite(body, source.timeline);
      const asked = targetOf(body.target);
      if (asked === null) throw new HoldfastError('NOT_FOUND', { kind: 'backup', ref: body.target.backup ?? '' });
      const { timeline, target } = await requireInside(deps, source, asked, { site, touches: !query.preview });
      const words = targetInWords(target);
      if (query.preview)
        return reply(200, previewOfSwap('restore-in-place', cluster, changeTo(target), await outlook(deps, cluster)));
      const swap: NewSwap = { timelineId: timeline.id, target, site, undoes: null };
      return submitAsSeen(deps, cluster, call, (found) =>
        swapOf(deps, found, call, 'restore-in-place', { swap, summary: words }),
      );
    },
  });
}

function keptRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/clusters/{cluster}/restores/kept',
    operationId: 'showKeptData',
    summary: 'The data of before the last restore in place, as long as it can be put back',
    tag: 'Backups',
    scope: 'clusters:read',
    params: clusterParams,
    answers: { 200: { description: 'What is kept.', schema: keptDataSchema } },
    errors: ['NOT_FOUND', 'NOTHING_KEPT'],
    async handle({ params, caller }) {
      const cluster = await findLiveCluster(inventory, caller, params.cluster);
      return reply(200, keptAnswer(await requireKept({ inventory }, cluster)));
    },
  });
}

const keptAnswer = ({ operationId, keptOn, keptBytes, swappedAt, keptUntil }: Swap): KeptDataAnswer => ({
  operationId,
  node: keptOn,
  bytes: keptBytes,
  swappedAt,
  until: keptUntil,
});

function rollbackRoute(deps: ApiDeps): Route {
  const { inventory } = deps;
  return route({
    method: 'post',
    path: '/v1/clusters/{cluster}/restores/rollback',
    operationId: 'rollBackRestore',
    summary: 'Put the data back that the last restore in place has kept',
    description:
      'What was written since that restore is in the cluster no more; it is kept for 24 hours in its turn. Nobody can write for ' +
      'some seconds. Type the name of the cluster as `confirm`.',
    tag: 'Backups',
    scope: 'clusters:write',
    headers: ['If-Match', 'Idempotency-Key'],
    params: clusterParams,
    query: z.strictObject({ preview: previewFlag }),
    body: rollbackSchema,
    answers: acceptedOrPreview,
    errors: [...refusals, 'CONFIRMATION_MISMATCH', 'NOTHING_KEPT'],
    async handle(call) {
      const { params, query, body, caller } = call;
      const repeated = await replay(deps, call);
      if (repeated) return repeated;
      const cluster = await findLiveCluster(inventory, caller, params.cluster);
      if (!query.preview) requireConfirmation(cluster, body.confirm);
      const { operationId, timelineId, swappedAt } = await requireKept(deps, cluster);
      const words = `as it was before ${operationId}${swappedAt === null ? '' : `, at ${swappedAt}`}`;
      if (query.preview) {
        const loses = `what was written since ${swappedAt ?? 'that restore'}`;
        return reply(200, previewOfSwap('rollback', cluster, { what: words, loses }, await outlook(deps, cluster)));
      }
      const swap: NewSwap = { timelineId, target: null, site: null, undoes: operationId };
      return submitAsSeen(deps, cluster, call, (found) =>
        swapOf(deps, found, call, 'rollback', { swap, summary: words }),
      );
    },
  });
}

function confirmRoute(deps: ApiDeps): Route {
  const { inventory } = deps;
  return route({
    method: 'post',
    path: '/v1/clusters/{cluster}/restores/confirm',
    operationId: 'confirmRestore',
    summary: 'Give back the space of the data that the last restore in place has kept',
    description: 'It can be put back no more.',
    tag: 'Backups',
    scope: 'clusters:write',
    headers: ['If-Match', 'Idempotency-Key'],
    params: clusterParams,
    query: z.strictObject({ preview: previewFlag }),
    answers: acceptedOrPreview,
    errors: [...refusals, 'NOTHING_KEPT'],
    async handle(call) {
      const { params, query, caller } = call;
      const repeated = await replay(deps, call);
      if (repeated) return repeated;
      const cluster = await findLiveCluster(inventory, caller, params.cluster);
      const kept = await requireKept(deps, cluster);
      if (query.preview) return reply(200, previewOfConfirm(cluster, kept));
      return submitAsSeen(deps, cluster, call, (found) => submissionOf('confirm-restore', found, call));
    },
  });
}

const changeTo = (target: RestoreTarget): Parameters<typeof previewOfSwap>[2] => ({
  what: `as it was: ${targetInWords(target)}`,
  // It serves, and takes writes, until the exchange.
  loses:
    target.kind === 'latest'
      ? 'what is written while it is restored'
      : `what was written since ${targetInWords(target)}`,
});

/** @throws NOTHING_KEPT. */
async function requireKept({ inventory }: Pick<ApiDeps, 'inventory'>, { id, name }: Cluster): Promise<Swap> {
  const kept = await inventory.swaps.kept(id);
  if (kept === null) throw new HoldfastError('NOTHING_KEPT', { name });
  return kept;
}

/** @throws CONFIRMATION_MISMATCH. */
function requireConfirmation({ name }: Cluster, confirm: string | undefined): void {
  if (confirm !== name) throw new HoldfastError('CONFIRMATION_MISMATCH', { name });
}

/** @throws CLUSTER_BUSY, CLUSTER_STOPPED, CLUSTER_NOT_READY. */
async function swapOf(
  deps: ApiDeps,
  cluster: Cluster,
  call: AnyCall,
  kind: 'restore-in-place' | 'rollback',
  { swap, summary }: { readonly swap: NewSwap; readonly summary: string },
): Promise<Submission> {
  const working = await inTheWay(deps, cluster);
  if (working) throw new HoldfastError('CLUSTER_BUSY', { operation: working.id });
  requireReady(cluster);
  const submission = submissionOf(kind, cluster, call);
  return { ...submission, operation: { ...submission.operation, summary }, swap };
}

const inTheWay = async ({ inventory }: ApiDeps, cluster: Cluster): Promise<OperationSummary | undefined> =>
  (await operationAt(inventory, cluster, 'cluster')) ??
  (await operationAt(inventory, cluster, 'backup')) ??
  (await operationAt(inventory, cluster, 'dump'));

async function outlook(deps: ApiDeps, cluster: Cluster): Promise<Parameters<typeof previewOfSwap>[3]> {
  const { swaps, backups } = deps.inventory;
  const [kept, working, [last]] = await Promise.all([
    swaps.kept(cluster.id),
    inTheWay(deps, cluster),
    backups.list(cluster.projectId, { limit: 1, clusterId: cluster.id }),
  ]);
  return { kept, working, bytes: last?.databaseBytes ?? 0 };
}
