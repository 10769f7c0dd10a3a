import { networkInterfaces } from 'node:os';
import { z } from 'zod';
import type { Tables } from '../../activities/inventory/inventory';
import { HoldfastError } from '../../domain/errors';
import type { RegisteredHost } from '../../domain/hosts';
import {
  controlKeySchema,
  type HostAnswer,
  hostReportSchema,
  hostSchema,
  registerHostSchema,
} from '../../domain/schemas/hosts';
import { flagSchema, listOf, referenceSchema } from '../../domain/schemas/pages';
import { type Caller, newId } from './context';
import type { ApiDeps } from './deps';
import { once } from './once';
import { reply, route, type Route } from './route';

/** Machines that users have. */

const hostParams = z.strictObject({
  host: referenceSchema.meta({ description: 'Name or id.', example: 'rack1-a' }),
});

export function hostRoutes(deps: ApiDeps): Route[] {
  return [
    registerRoute(deps),
    listRoute(deps),
    // Before the one that takes a name.
    keyRoute(deps),
    showRoute(deps),
    removeRoute(deps),
    checkRoute(deps),
  ];
}

function registerRoute(deps: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/v1/hosts',
    operationId: 'registerHost',
    summary: 'Register a machine that you have',
    description:
      'Nothing is done to it: `POST /v1/hosts/{host}/check` looks whether it can be used, and the first cluster that ' +
      'takes it installs what it needs. Let the key of `GET /v1/hosts/key` log in first.',
    tag: 'Hosts',
    scope: 'hosts:write',
    headers: ['Idempotency-Key'],
    body: registerHostSchema,
    answers: {
      201: { description: 'The host.', schema: hostSchema, headers: ['Location', 'Idempotency-Replayed'] },
    },
    errors: ['HOST_EXISTS', 'HOST_IS_CONTROL_PLANE', 'IDEMPOTENCY_KEY_REUSED'],
    async handle(call) {
      const { name, address, port, user, hostKey, zone, memory, cpus, storage } = call.body;
      if (isOwnAddress(address)) throw new HoldfastError('HOST_IS_CONTROL_PLANE', { address });
      const { answer, headers } = await once(deps, call, hostSchema, async ({ hosts }) => {
        const host = await hosts.register({
          id: newId('host'),
          projectId: call.caller.projectId,
          name,
          ssh: { host: address, port, user },
          hostKey,
          zone,
          size: { memoryBytes: memory, cpus, storageBytes: storage },
        });
        return { answer: hostAnswer(host), action: 'register host', subject: host.id, details: { name, address } };
      });
      return reply(201, answer, { Location: `/v1/hosts/${answer.id}`, ...headers });
    },
  });
}

function listRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/hosts',
    operationId: 'listHosts',
    summary: 'Machines of the project',
    tag: 'Hosts',
    scope: 'hosts:read',
    answers: { 200: { description: 'All of them, by name.', schema: listOf(hostSchema) } },
    errors: [],
    handle: async ({ caller }) => reply(200, { items: (await inventory.hosts.list(caller.projectId)).map(hostAnswer) }),
  });
}

function keyRoute({ controlPublicKey }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/hosts/key',
    operationId: 'showControlKey',
    summary: 'The public key that has to log in to your machines',
    tag: 'Hosts',
    scope: 'hosts:read',
    answers: { 200: { description: 'A line for authorized_keys.', schema: controlKeySchema } },
    errors: [],
    handle: () => Promise.resolve(reply(200, { publicKey: controlPublicKey })),
  });
}

function showRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/hosts/{host}',
    operationId: 'showHost',
    summary: 'A machine, and which cluster has it',
    tag: 'Hosts',
    scope: 'hosts:read',
    params: hostParams,
    answers: { 200: { description: 'The host.', schema: hostSchema } },
    errors: ['NOT_FOUND'],
    handle: async ({ params, caller }) => reply(200, hostAnswer(await findHost(inventory, caller, params.host))),
  });
}

function removeRoute(deps: ApiDeps): Route {
  return route({
    method: 'delete',
    path: '/v1/hosts/{host}',
    operationId: 'removeHost',
    summary: 'Forget a machine; nothing is done to it',
    tag: 'Hosts',
    scope: 'hosts:write',
    headers: ['Idempotency-Key'],
    params: hostParams,
    query: z.strictObject({
      force: flagSchema.meta({
        description:
          '`true`: also when a cluster has it. For a machine that is dead for good: a deletion that waits for it then goes on without.',
      }),
    }),
    answers: { 204: { description: 'It is forgotten.', schema: null, headers: ['Idempotency-Replayed'] } },
    errors: ['NOT_FOUND', 'HOST_IN_USE', 'IDEMPOTENCY_KEY_REUSED'],
    async handle(call) {
      const { params, query, caller } = call;
      const { headers } = await once(deps, call, z.null(), async ({ hosts }) => {
        const { id, name } = await hosts.remove(caller.projectId, params.host, query.force);
        return { answer: null, action: 'remove host', subject: id, details: { name, force: String(query.force) } };
      });
      return { status: 204 as const, headers };
    },
  });
}

function checkRoute(deps: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/v1/hosts/{host}/check',
    operationId: 'checkHost',
    summary: 'Look whether a machine can be used; nothing on it is changed',
    tag: 'Hosts',
    scope: 'hosts:write',
    params: hostParams,
    answers: { 200: { description: 'Everything that was looked at.', schema: hostReportSchema } },
    errors: ['NOT_FOUND'],
    async handle({ params, caller }) {
      const { id } = await findHost(deps.inventory, caller, params.host);
      const checks = await deps.engine.checkHost(id);
      return reply(200, { ok: checks.every(({ ok }) => ok), checks });
    },
  });
}

/** @throws NOT_FOUND: also for what another project has. */
async function findHost(
  inventory: Pick<Tables, 'hosts'>,
  { projectId }: Caller,
  reference: string,
): Promise<RegisteredHost> {
  const host = await inventory.hosts.find(projectId, reference);
  if (host === null) throw new HoldfastError('NOT_FOUND', { kind: 'host', ref: reference });
  return host;
}

/** The rest, that two machines are one, shows when the machine is looked at. */
function isOwnAddress(address: string): boolean {
  const own = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address));
  return address === 'localhost' || address.startsWith('127.') || own.includes(address);
}

function hostAnswer(host: RegisteredHost): HostAnswer {
  const { id, name, ssh, hostKey, zone, size, facts, cluster, nodes, registeredAt } = host;
  return {
    id,
    name,
    address: ssh.host,
    port: ssh.port,
    user: ssh.user,
    hostKey,
    zone,
    ...size,
    machineId: facts?.machineId ?? null,
    privateAddress: facts?.privateAddress ?? null,
    cluster,
    nodes,
    registeredAt,
  };
}
