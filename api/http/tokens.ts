import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import { isId } from '../../domain/ids';
import { listOf, referenceSchema } from '../../domain/schemas/pages';
import { newTokenSchema, tokenRequestSchema, tokenSchema } from '../../domain/schemas/tokens';
import { hashToken, makeTokenText, requireScope } from './auth';
import { newId } from './context';
import type { ApiDeps } from './deps';
import { once } from './once';
import { reply, route, type Route } from './route';

const DAY_MS = 24 * 3600 * 1000;

export function tokenRoutes(deps: ApiDeps): Route[] {
  return [createRoute(deps), listRoute(deps), revokeRoute(deps)];
}

function createRoute(deps: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/v1/tokens',
    operationId: 'createToken',
    summary: 'Make a token; its text is shown this once',
    description:
      'A request repeated with its Idempotency-Key makes no other token and answers the same one with `token: null`: ' +
      'its text is kept nowhere. Whoever lost the first answer revokes that token and makes another with a new key.',
    tag: 'Tokens',
    scope: 'tokens:write',
    headers: ['Idempotency-Key'],
    body: tokenRequestSchema,
    answers: {
      201: { description: 'The new token.', schema: newTokenSchema, headers: ['Location', 'Idempotency-Replayed'] },
    },
    errors: ['IDEMPOTENCY_KEY_REUSED'],
    async handle(call) {
      const { body, caller } = call;
      for (const scope of body.scopes) requireScope(caller, scope);
      const id = newId('tok');
      const text = makeTokenText(id);
      const expiresAt = new Date(Date.now() + body.expiresInDays * DAY_MS).toISOString();
      const { name, scopes } = body;
      const { answer, headers } = await once(deps, call, tokenSchema, async ({ tokens }) => {
        const { projectId } = caller;
        const made = await tokens.create({ id, projectId, name, scopes, expiresAt, hash: hashToken(text) });
        return { answer: made, action: 'create token', subject: id, details: { name, scopes: scopes.join(' ') } };
      });
      const shown = answer.id === id ? text : null;
      return reply(201, { ...answer, token: shown }, { Location: `/v1/tokens/${answer.id}`, ...headers });
    },
  });
}

function listRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'get',
    path: '/v1/tokens',
    operationId: 'listTokens',
    summary: 'Tokens of the project, revoked ones too',
    tag: 'Tokens',
    scope: 'tokens:write',
    answers: { 200: { description: 'All tokens, without their text.', schema: listOf(tokenSchema) } },
    errors: [],
    handle: async ({ caller }) => reply(200, { items: await inventory.tokens.list(caller.projectId) }),
  });
}

function revokeRoute(deps: ApiDeps): Route {
  return route({
    method: 'delete',
    path: '/v1/tokens/{token}',
    operationId: 'revokeToken',
    summary: 'Revoke a token, at once and for ever',
    tag: 'Tokens',
    scope: 'tokens:write',
    headers: ['Idempotency-Key'],
    params: z.strictObject({ token: referenceSchema.meta({ description: 'Id of the token: tok_…' }) }),
    answers: { 204: { description: 'It is revoked.', schema: null, headers: ['Idempotency-Replayed'] } },
    errors: ['NOT_FOUND', 'IDEMPOTENCY_KEY_REUSED'],
    async handle(call) {
      const { token } = call.params;
      const { headers } = await once(deps, call, z.null(), async ({ tokens }) => {
        const revoked = isId('tok', token) && (await tokens.revoke(call.caller.projectId, token));
        if (!revoked) throw new HoldfastError('NOT_FOUND', { kind: 'token', ref: token });
        return { answer: null, action: 'revoke token', subject: token };
      });
      return { status: 204 as const, headers };
    },
  });
}
