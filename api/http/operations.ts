import { z } from 'zod';
import type { Tables } from '../../activities/inventory/inventory';
import { HoldfastError } from '../../domain/errors';
import { isFinal, type Operation } from '../../domain/operations';
import { operationSchema, operationStateSchema, operationSummarySchema } from '../../domain/schemas/operations';
import { pageOf, pageQuery, referenceSchema } from '../../domain/schemas/pages';
import type { Decision } from '../../workflows/operation';
import type { ApiDeps } from './deps';
import type { Decided } from './engine';
import { openEventStream } from './events';
import { findCluster, findOperation } from './find';
import { once } from './once';
import { readPage } from './pages';
import { type Call, type Reply, reply, route, type Route } from './route';
import { operationAnswer, operationPath, operationSummaryAnswer } from './shapes';

const operationParams = z.strictObject({
  operation: referenceSchema.meta({ description: 'Id of the operation.', example: 'op_…' }),
});
type OperationCall = Call<z.output<typeof operationParams>, unknown, unknown>;

/** What each list of operations answers. */
export const operationPage = {
  description: 'A page of operations without their steps; `GET /v1/operations/{operation}` has them.',
  schema: pageOf(operationSummarySchema),
} as const;
const operationReplies = { 200: { description: 'The operation with its steps.', schema: operationSchema } } as const;
const decided = {
  202: {
    description:
      'The operation takes the decision; as it is now. When no worker answers within seconds, the decision is left for ' +
      'the next one: should it come too late then, an event of the operation says so.',
    schema: operationSchema,
    headers: ['Location', 'Retry-After', 'Idempotency-Replayed'],
  },
} as const;

export function operationRoutes(deps: ApiDeps): Route[] {
  return [listRoute(deps), showRoute(deps), eventsRoute(deps), cancelRoute(deps), retryRoute(deps), approveRoute(deps)];
}

function listRoute(deps: ApiDeps): Route {
  const { inventory } = deps;
  return route({
    method: 'get',
    path: '/v1/operations',
    operationId: 'listOperations',
    summary: 'Operations of the project, newest first',
    tag: 'Operations',
    scope: 'clusters:read',
    query: z.strictObject({
      ...pageQuery,
      cluster: referenceSchema.optional().meta({ description: 'Only those of this cluster (name or id).' }),
      state: operationStateSchema.optional(),
    }),
    answers: { 200: operationPage },
    errors: ['NOT_FOUND'],
    async handle({ query, caller }) {
      const filter = {
        ...(query.cluster === undefined ? {} : { clusterId: (await findCluster(inventory, caller, query.cluster)).id }),
        ...(query.state === undefined ? {} : { state: query.state }),
      };
      const page = await readPage('op', query, (wanted) =>
        inventory.operations.list(caller.projectId, { ...wanted, ...filter }),
      );
      return reply(200, { ...page, items: page.items.map((item) => operationSummaryAnswer(deps, item)) });
    },
  });
}

function showRoute(deps: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/operations/{operation}',
    operationId: 'showOperation',
    summary: 'An operation with its steps',
    tag: 'Operations',
    scope: 'clusters:read',
    bucket: 'polling',
    params: operationParams,
    answers: operationReplies,
    errors: ['NOT_FOUND'],
    handle: async ({ params, caller }) =>
      reply(200, operationAnswer(deps, await findOperation(deps.inventory, caller, params.operation))),
  });
}

function eventsRoute(deps: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/operations/{operation}/events',
    operationId: 'streamOperationEvents',
    summary: 'Changes of an operation and its steps, as they happen',
    description:
      'Server-sent events: `id` is the sequence number, `event` is `operation`, `step` or `notice`, `data` an OperationEvent. ' +
      'Begins with the first event, or after `Last-Event-ID`; ends after the final one. A notice of something that did not ' +
      'come, such as a backup that is overdue, may follow that: ask again to have it.',
    tag: 'Operations',
    scope: 'clusters:read',
    bucket: 'polling',
    headers: ['Last-Event-ID'],
    params: operationParams,
    answers: {
      200: { description: 'The stream.', schema: null, mediaType: 'text/event-stream' },
      204: {
        description: 'The operation has ended and `Last-Event-ID` was its last event: do not reconnect.',
        schema: null,
      },
    },
    errors: ['NOT_FOUND'],
    async handle({ params, caller, headers }) {
      const operation = await findOperation(deps.inventory, caller, params.operation);
      const stream = await openEventStream(deps, operation, headers.lastEventId);
      return stream === null ? { status: 204 as const } : { status: 200 as const, stream };
    },
  });
}

function cancelRoute(deps: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/v1/operations/{operation}/cancel',
    operationId: 'cancelOperation',
    summary: 'Undo an operation, as long as it can be undone',
    tag: 'Operations',
    scope: 'clusters:write',
    headers: ['Idempotency-Key'],
    params: operationParams,
    answers: decided,
    errors: ['NOT_FOUND', 'OPERATION_FINISHED', 'POINT_OF_NO_RETURN', 'IDEMPOTENCY_KEY_REUSED', 'UNAVAILABLE'],
    handle: (call) => decide(deps, call, 'cancel', refuseCancel),
  });
}

function retryRoute(deps: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/v1/operations/{operation}/retry',
    operationId: 'retryOperation',
    summary: 'Let an operation that needs attention go on',
    tag: 'Operations',
    scope: 'clusters:write',
    headers: ['Idempotency-Key'],
    params: operationParams,
    answers: decided,
    errors: ['NOT_FOUND', 'OPERATION_FINISHED', 'NOT_WAITING', 'IDEMPOTENCY_KEY_REUSED', 'UNAVAILABLE'],
    handle: (call) => decide(deps, call, 'retry', refuseRetry),
  });
}

function approveRoute(deps: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/v1/operations/{operation}/approve',
    operationId: 'approveOperation',
    summary: 'Let an operation that waits for approval go on',
    description:
      'Its `reason` says what would be done, and what would be lost by it; up to here nothing has changed. One that is repeated is the same ' +
      'approval. `cancel` ends the operation instead.',
    tag: 'Operations',
    scope: 'clusters:write',
    headers: ['Idempotency-Key'],
    params: operationParams,
    answers: decided,
    errors: ['NOT_FOUND', 'OPERATION_FINISHED', 'NO_APPROVAL_WANTED', 'IDEMPOTENCY_KEY_REUSED', 'UNAVAILABLE'],
    // Whether it waits for one, and for what, it knows best itself.
    handle: (call) => decide(deps, call, 'approve', () => undefined),
  });
}

/**
 * The engine is told inside the transaction: a decision that it did not take leaves no key and no audit entry. One that
 * it took while this process died is told again by a repeated request: a cancel or an approval is the same one then, a retry is
 * refused when the operation goes on already.
 */
async function decide(
  deps: ApiDeps,
  call: OperationCall,
  decision: Decision,
  refuse: (operation: Operation) => void,
): Promise<Reply<typeof decided>> {
  const find = (tables: Pick<Tables, 'operations'>): Promise<Operation> =>
    findOperation(tables, call.caller, call.params.operation);
  const { headers } = await once(deps, call, z.null(), async (tables) => {
    const operation = await find(tables);
    const { id, state, clusterId } = operation;
    if (isFinal(state)) throw new HoldfastError('OPERATION_FINISHED', { operation: id, state, verb: decision });
    refuse(operation);
    const became = await deps.engine.decide(id, decision);
    if (became !== 'taken') throw noneToTake(decision, became, await find(tables));
    return { answer: null, action: decision, subject: id, details: { cluster: clusterId } };
  });
  const now = await find(deps.inventory);
  return reply(202, operationAnswer(deps, now), { Location: operationPath(now.id), 'Retry-After': '2', ...headers });
}

/** @param operation read after its workflow was not there to decide: what it wrote at its end is there by now. */
function noneToTake(decision: Decision, became: Decided, { id, state }: Operation): HoldfastError {
  // Written, but not begun: the starter or the entity gets to it in a moment.
  if (became === 'unknown' && state === 'pending')
    return new HoldfastError('UNAVAILABLE', { part: `The workflow of ${id}` });
  // One that was ended from outside is told as failed before long.
  const ended = isFinal(state) ? state : 'failed';
  return new HoldfastError('OPERATION_FINISHED', { operation: id, state: ended, verb: decision });
}

/** Refuses what can't become true again, and what the caller can see; all else the operation itself knows best. */
function refuseRetry({ id, state }: Operation): void {
  if (state !== 'waiting') throw new HoldfastError('NOT_WAITING', { operation: id, state });
}

function refuseCancel({ id, pointOfNoReturnPassed }: Operation): void {
  if (!pointOfNoReturnPassed) return;
  throw new HoldfastError('POINT_OF_NO_RETURN', { operation: id, reason: 'what it has done cannot be taken back' });
}
