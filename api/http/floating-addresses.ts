import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import type { FloatingAddress } from '../../domain/hosts';
import type { FloatingAddressId } from '../../domain/ids';
import { isId } from '../../domain/ids';
import { type FloatingAddressAnswer, floatingAddressSchema, registerAddressSchema } from '../../domain/schemas/hosts';
import { listOf, referenceSchema } from '../../domain/schemas/pages';
import { newId } from './context';
import type { ApiDeps } from './deps';
import { once } from './once';
import { reply, route, type Route } from './route';

/** Addresses that may move between machines of one network, for the endpoints of clusters on them. */

const addressParams = z.strictObject({ id: referenceSchema.meta({ description: 'Id of the address: fip_…' }) });

export function floatingAddressRoutes(deps: ApiDeps): Route[] {
  return [registerRoute(deps), listRoute(deps), showRoute(deps), removeRoute(deps)];
}

function registerRoute(deps: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/v1/floating-addresses',
    operationId: 'registerFloatingAddress',
    summary: 'Register a free address of your machines’ network',
    description: 'The next cluster that takes machines of the project gets it as its endpoint.',
    tag: 'Hosts',
    scope: 'hosts:write',
    headers: ['Idempotency-Key'],
    body: registerAddressSchema,
    answers: {
      201: {
        description: 'The address.',
        schema: floatingAddressSchema,
        headers: ['Location', 'Idempotency-Replayed'],
      },
    },
    errors: ['ADDRESS_EXISTS', 'IDEMPOTENCY_KEY_REUSED'],
    async handle(call) {
      const [address = '', prefix] = call.body.address.split('/');
      const { answer, headers } = await once(deps, call, floatingAddressSchema, async ({ floatingAddresses }) => {
        const made = await floatingAddresses.register({
          id: newId('fip'),
          projectId: call.caller.projectId,
          address,
          prefixLength: Number(prefix),
        });
        return { answer: addressAnswer(made), action: 'register address', subject: made.id, details: { address } };
      });
      return reply(201, answer, { Location: `/v1/floating-addresses/${answer.id}`, ...headers });
    },
  });
}

function listRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/floating-addresses',
    operationId: 'listFloatingAddresses',
    summary: 'Floating addresses of the project',
    tag: 'Hosts',
    scope: 'hosts:read',
    answers: { 200: { description: 'All of them.', schema: listOf(floatingAddressSchema) } },
    errors: [],
    handle: async ({ caller }) =>
      reply(200, { items: (await inventory.floatingAddresses.list(caller.projectId)).map(addressAnswer) }),
  });
}

function showRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/floating-addresses/{id}',
    operationId: 'showFloatingAddress',
    summary: 'A floating address, and which cluster has it',
    tag: 'Hosts',
    scope: 'hosts:read',
    params: addressParams,
    answers: { 200: { description: 'The address.', schema: floatingAddressSchema } },
    errors: ['NOT_FOUND'],
    async handle({ params, caller }) {
      const found = await inventory.floatingAddresses.find(caller.projectId, addressId(params.id));
      if (found === null) throw notFound(params.id);
      return reply(200, addressAnswer(found));
    },
  });
}

function removeRoute(deps: ApiDeps): Route {
  return route({
    method: 'delete',
    path: '/v1/floating-addresses/{id}',
    operationId: 'removeFloatingAddress',
    summary: 'Forget a floating address',
    tag: 'Hosts',
    scope: 'hosts:write',
    headers: ['Idempotency-Key'],
    params: addressParams,
    answers: { 204: { description: 'It is forgotten.', schema: null, headers: ['Idempotency-Replayed'] } },
    errors: ['NOT_FOUND', 'ADDRESS_IN_USE', 'IDEMPOTENCY_KEY_REUSED'],
    async handle(call) {
      const { headers } = await once(deps, call, z.null(), async ({ floatingAddresses }) => {
        const { id, address } = await floatingAddresses.remove(call.caller.projectId, addressId(call.params.id));
        return { answer: null, action: 'remove address', subject: id, details: { address } };
      });
      return { status: 204 as const, headers };
    },
  });
}

/** @throws NOT_FOUND for what is no id of an address. */
function addressId(text: string): FloatingAddressId {
  if (isId('fip', text)) return text;
  throw notFound(text);
}

const notFound = (ref: string): HoldfastError => new HoldfastError('NOT_FOUND', { kind: 'floating address', ref });

const addressAnswer = ({
  id,
  address,
  prefixLength,
  cluster,
  registeredAt,
}: FloatingAddress): FloatingAddressAnswer => ({
  id,
  address: `${address}/${prefixLength}`,
  cluster,
  registeredAt,
});
