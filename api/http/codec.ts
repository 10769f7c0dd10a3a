import type { Payload, PayloadCodec } from '@temporalio/common';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import type { HistoryKeys } from '../../activities/secrets/history-keys';
import { ERRORS, HoldfastError } from '../../domain/errors';
import type { Scope } from '../../domain/tokens';
import { authenticate, authenticateHash, hashToken } from './auth';
import { bodyReader } from './body';
import { openSession, sealSession } from './codec-session';
import { codecLoginPage } from './codec-login-page';
import { type Caller, contextOf } from './context';
import type { ApiDeps } from './deps';
import { fieldErrors, plainWords } from './field-errors';
import { InvalidRequest, recognise, RETRY_AFTER } from './problem';
import type { RateLimit } from './rate-limit';

/**
 * The remote codec of Temporal's Web UI and command: shows operators what histories hold, which Temporal's server has
 * encrypted only. For tokens with the scope `histories:read`: as `Authorization: Bearer …`, or, where the Web UI can't
 * send that, by a cookie that `/v1/codec/login` sets.
 */

const SCOPE: Scope = 'histories:read';
const COOKIE = 'holdfast_codec';
/** A history's largest payload, in base64, with what is around it. */
const BODY_LIMIT_BYTES = 8 * 1024 ** 2;

const base64 = z.base64('must be text in base64');
const payloadSchema = z.object({
  metadata: z.record(z.string(), base64).nullish(),
  data: base64.nullish(),
});
const payloadsSchema = z.object({ payloads: z.array(payloadSchema).default([]) });

type CodecDeps = Pick<ApiDeps, 'inventory' | 'temporalUiUrl'> & {
  readonly codec: PayloadCodec;
  readonly keys: HistoryKeys;
  /** Counts those who try out tokens. */
  readonly refused: RateLimit;
};

/** Paths and methods, for those that are refused. */
export const CODEC_PATHS: readonly [string, string[]][] = [
  ['/v1/codec/decode', ['POST']],
  ['/v1/codec/encode', ['POST']],
  ['/v1/codec/login', ['GET', 'POST']],
];

export function codecRouter(deps: CodecDeps): Router {
  const router = Router();
  const readBody = bodyReader(BODY_LIMIT_BYTES);
  router.use('/v1/codec', allowWebUi(deps.temporalUiUrl));
  for (const verb of ['decode', 'encode'] as const) {
    const path = `/v1/codec/${verb}`;
    router.post(path, named(path), permit(deps), async (request: Request, response: Response) => {
      await readBody(request, response);
      const parsed = payloadsSchema.safeParse(request.body, { error: plainWords });
      if (!parsed.success) throw new InvalidRequest(fieldErrors('body', parsed.error.issues));
      const payloads = parsed.data.payloads.map(fromJson);
      const answer = verb === 'decode' ? await decodeEach(deps.codec, payloads) : await deps.codec.encode(payloads);
      response.json({ payloads: answer.map(toJson) });
    });
  }
  const login = '/v1/codec/login';
  router.get(login, named(login), (_request, response) => codecLoginPage(response, deps.temporalUiUrl, null));
  router.post(login, named(login), express.urlencoded({ extended: false, limit: '4kb' }), signIn(deps));
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
function permit(deps: CodecDeps): RequestHandler {
  return async (request, response, next) => {
    try {
      requireHistories(await whoAsks(deps, request));
    } catch (error) {
      if (error instanceof HoldfastError && error.code === 'UNAUTHENTICATED')
        await deps.refused.count(request.ip ?? '', response);
      throw error;
    }
    next();
  };
}

async function whoAsks({ inventory, keys }: CodecDeps, request: Request): Promise<Caller> {
  const cookie = cookieOf(request);
  if (request.get('Authorization') !== undefined || cookie === null) return authenticate(request, inventory);
  const session = await openSession(keys, cookie);
  return authenticateHash(request, inventory, session?.tokenHash ?? null);
}

function requireHistories(caller: Caller): void {
  if (!caller.scopes.includes(SCOPE)) throw new HoldfastError('FORBIDDEN', { scope: SCOPE });
}

function signIn(deps: CodecDeps): RequestHandler {
  return async (request, response) => {
    const { data } = z.object({ token: z.string().trim() }).safeParse(request.body);
    const hash = hashToken(data?.token ?? '');
    try {
      requireHistories(await authenticateHash(request, deps.inventory, hash));
      const options = { httpOnly: true, sameSite: 'strict', secure: request.secure, path: '/v1/codec' } as const;
      response.cookie(COOKIE, await sealSession(deps.keys, hash), options);
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
  return pairs.find(([name]) => name === COOKIE)?.[1] ?? null;
}

/** One by one: a payload of another installation must not hide the others. */
async function decodeEach(codec: PayloadCodec, payloads: readonly Payload[]): Promise<Payload[]> {
  const decoded = payloads.map((payload) => codec.decode([payload]).catch(() => [payload]));
  return (await Promise.all(decoded)).flat();
}

function fromJson({ metadata, data }: z.infer<typeof payloadSchema>): Payload {
  const entries = Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value, 'base64')] as const);
  return { metadata: Object.fromEntries(entries), data: Buffer.from(data ?? '', 'base64') };
}

function toJson({ metadata, data }: Payload): { metadata: Record<string, string>; data: string } {
  const entries = Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')]);
  return {
    metadata: Object.fromEntries(entries) as Record<string, string>,
    data: Buffer.from(data ?? []).toString('base64'),
  };
}
