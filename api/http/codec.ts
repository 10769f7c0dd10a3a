import type { Payload, PayloadCodec } from '@temporalio/common';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import type { HistoryKeys } from '../../activities/secrets/history-keys';
import { ERRORS, HoldfastError } from '../../domain/errors';
import {
  type PayloadAnswer,
  type PayloadRequest,
  payloadsRequestSchema,
  payloadsSchema,
} from '../../domain/schemas/histories';
import type { Scope } from '../../domain/tokens';
import { authenticate, authenticateHash, hashToken, requireScope } from './auth';
import { bodyReader } from './body';
import { openSession, sealSession, SESSION_COOKIE } from './codec-session';
import { codecLoginPage, FORM_LIMIT_BYTES, LOGIN_PATH } from './codec-login-page';
import { type Caller, contextOf } from './context';
import type { ApiDeps } from './deps';
import { recognise, RETRY_AFTER } from './problem';
import type { RateLimit } from './rate-limit';
import { reply, route, type Route } from './route';

/**
 * The remote codec of Temporal's Web UI and command: shows operators what histories hold, which Temporal's server has
 * encrypted only. For tokens with the scope `histories:read`: as `Authorization: Bearer …`, or, where the Web UI can't
 * send that, by a cookie that `/v1/codec/login` sets.
 */

const SCOPE: Scope = 'histories:read';
/** A history's largest payload, in base64, with what is around it. */
const CODEC_BODY_LIMIT_BYTES = 8 * 1024 ** 2;

const ABOUT =
  'The remote codec of the Temporal Web UI and command. With a token, or the cookie of a browser that signed in at ' +
  '`/v1/codec/login`. CORS: pages of `TEMPORAL_UI_URL` and of no other origin may read the answers, problems too, and ' +
  'send the cookie; `OPTIONS` answers their preflight.';

export function codecRoutes({ codec }: { readonly codec: PayloadCodec }): Route[] {
  return [
    codecRoute('decode', 'Decrypt payloads of histories', "What can't be decrypted stays as it is.", (payloads) =>
      decodeEach(codec, payloads),
    ),
    codecRoute('encode', 'Encrypt payloads as histories have them', '', (payloads) => codec.encode([...payloads])),
  ];
}

function codecRoute(
  verb: 'decode' | 'encode',
  summary: string,
  note: string,
  translate: (payloads: readonly Payload[]) => Promise<Payload[]>,
): Route {
  return route({
    method: 'post',
    path: `/v1/codec/${verb}`,
    operationId: `${verb}Payloads`,
    summary,
    description: [note, ABOUT].filter(Boolean).join(' '),
    tag: 'Histories',
    scope: SCOPE,
    takesSession: true,
    bodyLimitBytes: CODEC_BODY_LIMIT_BYTES,
    body: payloadsRequestSchema,
    answers: { 200: { description: 'As many payloads, in the same order.', schema: payloadsSchema } },
    errors: [],
    handle: async ({ body }) => reply(200, { payloads: (await translate(body.payloads.map(fromJson))).map(toJson) }),
  });
}

type CodecDeps = Pick<ApiDeps, 'inventory' | 'temporalUiUrl'> & {
  readonly keys: HistoryKeys;
  /** Counts those who try out tokens. */
  readonly refused: RateLimit;
};

export function codecRouter(routes: readonly Route[], deps: CodecDeps): Router {
  const router = Router();
  router.use('/v1/codec', allowWebUi(deps.temporalUiUrl));
  for (const one of routes) {
    const readBody = bodyReader(one.bodyLimitBytes);
    router[one.method](one.path, named(one.path), async (request: Request, response: Response) => {
      const caller = await permit(deps, request, response);
      await readBody(request, response);
      await one.serve(request, response, caller);
    });
  }
  // As many fields as bytes: what is too large is refused for that.
  const readForm = express.urlencoded({ extended: false, limit: FORM_LIMIT_BYTES, parameterLimit: FORM_LIMIT_BYTES });
  router.get(LOGIN_PATH, named(LOGIN_PATH), (_request, response) => codecLoginPage(response, deps.temporalUiUrl, null));
  router.post(LOGIN_PATH, named(LOGIN_PATH), readForm, signIn(deps));
  return router;
}

/** The Web UI's own origin and no other may read answers, with the cookie. */
function allowWebUi(temporalUiUrl: string | null): RequestHandler {
  const origin = temporalUiUrl === null ? null : new URL(temporalUiUrl).origin;
  return (request, response, next) => {
    response.vary('Origin');
    if (origin !== null && request.get('Origin') === origin) {
      response.set({ 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Credentials': 'true' });
      if (request.method === 'OPTIONS') {
        response.set({
          'Access-Control-Allow-Methods': 'POST',
          'Access-Control-Allow-Headers': 'Content-Type, X-Namespace, Authorization, Authorization-Extras',
          'Access-Control-Max-Age': '600',
        });
        response.status(204).end();
        return;
      }
    }
    next();
  };
}

const named =
  (path: string): RequestHandler =>
  (request, _response, next) => {
    contextOf(request).route = path;
    next();
  };

/** @throws UNAUTHENTICATED, FORBIDDEN. */
async function permit(deps: CodecDeps, request: Request, response: Response): Promise<Caller> {
  try {
    const caller = await whoAsks(deps, request);
    requireScope(caller, SCOPE);
    return caller;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'UNAUTHENTICATED')
      await deps.refused.count(request.ip ?? '', response);
    throw error;
  }
}

async function whoAsks({ inventory, keys }: CodecDeps, request: Request): Promise<Caller> {
  const cookie = cookieOf(request);
  if (request.get('Authorization') !== undefined || cookie === null) return authenticate(request, inventory);
  const session = await openSession(keys, cookie);
  return authenticateHash(request, inventory, session?.tokenHash ?? null);
}

function signIn(deps: CodecDeps): RequestHandler {
  return async (request, response) => {
    const { data } = z.object({ token: z.string().trim() }).safeParse(request.body);
    const hash = hashToken(data?.token ?? '');
    try {
      requireScope(await authenticateHash(request, deps.inventory, hash), SCOPE);
      const options = { httpOnly: true, sameSite: 'strict', secure: request.secure, path: '/v1/codec' } as const;
      response.cookie(SESSION_COOKIE, await sealSession(deps.keys, hash), options);
    } catch (error) {
      const { code, message } = recognise(error, contextOf(request).requestId);
      const { status, retryable } = ERRORS[code];
      if (![401, 403, 503].includes(status)) throw error;
      if (code === 'UNAUTHENTICATED') await deps.refused.count(request.ip ?? '', response);
      if (retryable) response.set('Retry-After', RETRY_AFTER);
      codecLoginPage(response.status(status), deps.temporalUiUrl, message);
      return;
    }
    codecLoginPage(response, deps.temporalUiUrl, 'signed in');
  };
}

function cookieOf(request: Request): string | null {
  const pairs = (request.get('Cookie') ?? '').split(';').map((pair) => pair.trim().split('='));
  return pairs.find(([name]) => name === SESSION_COOKIE)?.[1] ?? null;
}

/** One by one: a payload of another installation must not hide the others. */
async function decodeEach(codec: PayloadCodec, payloads: readonly Payload[]): Promise<Payload[]> {
  const decoded = payloads.map((payload) => codec.decode([payload]).catch(() => [payload]));
  return (await Promise.all(decoded)).flat();
}

function fromJson({ metadata, data }: PayloadRequest): Payload {
  const entries = Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value, 'base64')] as const);
  return { metadata: Object.fromEntries(entries), data: Buffer.from(data ?? '', 'base64') };
}

function toJson({ metadata, data }: Payload): PayloadAnswer {
  const entries = Object.entries(metadata ?? {}).map(
    ([name, value]) => [name, Buffer.from(value).toString('base64')] as const,
  );
  return { metadata: Object.fromEntries(entries), data: Buffer.from(data ?? []).toString('base64') };
}
