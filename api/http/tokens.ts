import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import { isId } from '../../domain/ids';
import { listOf, referenceSchema } from '../../domain/schemas/pages';
import { newTokenSchema, tokenRequestSchema, tokenSchema } from '../../domain/schemas/tokens';
import { hashToken, makeTokenText, requireScope } from './auth';
import { newId } from './context';
import type { ApiDeps } from './deps';
import { reply, route, type Route } from './route';

const DAY_MS = 24 * 3600 * 1000;

export function tokenRoutes(deps: ApiDeps): Route[] {
  return [createRoute(deps), listRoute(deps), revokeRoute(deps)];
}

function createRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'post',
    path: '/v1/tokens',
    operationId: 'createToken',
    summary: 'Make a token; its text is shown this once',
    tag: 'Tokens',
    scope: 'tokens:write',
    body: tokenRequestSchema,
    answers: { 201: { description: 'The new token.', schema: newTokenSchema, headers: ['Location'] } },
    errors: [],
    async handle({ body, caller }) {
      for (const scope of body.scopes) requireScope(caller, scope);
      const id = newId('tok');
      const text = makeTokenText(id);
      const expiresAt = new Date(Date.now() + body.expiresInDays * DAY_MS).toISOString();
      const { name, scopes } = body;
      const token = await inventory.tokens.create({
        id,
        projectId: caller.projectId,
        name,
        scopes,
        expiresAt,
        hash: hashToken(text),
      });
      return reply(201, { ...token, token: text }, { Location: `/v1/tokens/${id}` });
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

function revokeRoute({ inventory }: ApiDeps): Route {
  return route({
    method: 'delete',
    path: '/v1/tokens/{token}',
    operationId: 'revokeToken',
    summary: 'Revoke a token, at once and for ever',
    tag: 'Tokens',
    scope: 'tokens:write',
    params: z.strictObject({ token: referenceSchema.meta({ description: 'Id of the token: tok_…' }) }),
    answers: { 204: { description: 'It is revoked.', schema: null } },
    errors: ['NOT_FOUND'],
    async handle({ params, caller }) {
      const revoked = isId('tok', params.token) && (await inventory.tokens.revoke(caller.projectId, params.token));
      if (!revoked) throw new HoldfastError('NOT_FOUND', { kind: 'token', ref: params.token });
      return { status: 204 as const };
    },
  });
}
