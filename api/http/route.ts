import type { Request, Response } from 'express';
import { z } from 'zod';
import type { ErrorCode } from '../../domain/errors';
import type { FieldError } from '../../domain/schemas/problems';
import type { Scope } from '../../domain/tokens';
import type { Caller } from './context';
import { fieldErrors, plainWords, unstorableTexts } from './field-errors';
import { type KnownHeaders, readHeaders, refuse } from './headers';
import { BODY_LIMIT_BYTES } from './problem';

/**
 * A route says in one place what it takes, what it gives and who may call it. From that come the checks of each
 * request (all of them before anything is done), the shape of each answer, and the OpenAPI document.
 */

export type Method = 'get' | 'post' | 'patch' | 'delete';

export interface AnswerShape {
  readonly description: string;
  /** null for an answer without a body. */
  readonly schema: z.ZodType | null;
  readonly mediaType?: string;
  readonly headers?: readonly AnswerHeader[];
}
export type AnswerHeader = 'ETag' | 'Location' | 'Retry-After' | 'Idempotency-Replayed';
type Answers = Readonly<Record<number, AnswerShape>>;

/** What a handler returns: a status that the route declares, with the body of that status. */
export type Reply<A extends Answers> = {
  [S in keyof A & number]: ReplyBase<S> & BodyOf<A[S]>;
}[keyof A & number];

interface ReplyBase<S extends number> {
  readonly status: S;
  readonly headers?: Readonly<Partial<Record<AnswerHeader, string>>>;
}
type BodyOf<Shape> = Shape extends { readonly schema: infer T extends z.ZodType }
  ? { readonly body: z.input<T> }
  : { readonly stream?: (response: Response) => Promise<void> };

/** A reply whose types are erased. */
interface AnyReply extends ReplyBase<number> {
  readonly body?: unknown;
  readonly stream?: (response: Response) => Promise<void>;
}

type ReplyHeaders = ReplyBase<number>['headers'];

/** A reply with that status: keeps it a literal, by which the compiler finds the body that belongs to it. */
export function reply<const S extends number, B>(
  status: S,
  body: B,
  headers?: ReplyHeaders,
): { status: S; body: B; headers: NonNullable<ReplyHeaders> } {
  return { status, body, headers: headers ?? {} };
}

export interface Call<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly headers: KnownHeaders;
  readonly caller: Caller;
  /** Method, path, query and body as one value, to know a repeated request by. */
  readonly fingerprint: unknown;
}

/** What every call has, whatever the route takes. */
export type AnyCall = Pick<Call<unknown, unknown, unknown>, 'headers' | 'caller' | 'fingerprint'>;

export interface RouteSpec {
  readonly method: Method;
  /** In OpenAPI's notation: `/v1/clusters/{cluster}`. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  /** Scope that the caller's token must have; null: any token. */
  readonly scope: Scope | null;
  /** `polling` has a bucket of its own, so that whoever waits for an operation is not locked out of the rest. */
  readonly bucket?: 'polling';
  /** Request headers that it honours. */
  readonly headers?: readonly ('If-Match' | 'Idempotency-Key' | 'Last-Event-ID')[];
  readonly answers: Answers;
  /** Largest body that it reads; default {@link BODY_LIMIT_BYTES}. */
  readonly bodyLimitBytes?: number;
  /** A browser that signed in for the codec may call it without a token. */
  readonly takesSession?: true;
  /** Besides those that every route may answer. */
  readonly errors: readonly ErrorCode[];
}

interface TypedRoute<
  P extends z.ZodObject,
  Q extends z.ZodObject,
  B extends z.ZodType,
  A extends Answers,
> extends RouteSpec {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly answers: A;
  handle(call: Call<z.output<P>, z.output<Q>, z.output<B>>): Promise<Reply<NoInfer<A>>>;
}

/** A route whose types are erased: what the app and the OpenAPI document work with. */
export interface Route extends RouteSpec {
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  readonly body: z.ZodType | null;
  readonly bodyLimitBytes: number;
  /** Checks the request, runs the handler and sends its answer. */
  serve(request: Request, response: Response, caller: Caller): Promise<void>;
}

const nothing = z.strictObject({});

export function route<
  A extends Answers,
  P extends z.ZodObject = typeof nothing,
  Q extends z.ZodObject = typeof nothing,
  B extends z.ZodType = z.ZodOptional<typeof nothing>,
>(spec: TypedRoute<P, Q, B, A>): Route {
  return {
    ...spec,
    params: spec.params ?? nothing,
    query: spec.query ?? nothing,
    body: spec.body ?? null,
    bodyLimitBytes: spec.bodyLimitBytes ?? BODY_LIMIT_BYTES,
    async serve(request, response, caller) {
      await send(spec.answers, await spec.handle(checkRequest(spec, request, caller)), response);
    },
  };
}

/** Everything that is wrong with the request is found before the handler runs, and told at once. */
function checkRequest<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType, A extends Answers>(
  spec: TypedRoute<P, Q, B, A>,
  request: Request,
  caller: Caller,
): Call<z.output<P>, z.output<Q>, z.output<B>> {
  const errors: FieldError[] = [];
  const check = <T extends z.ZodType>(schema: T | z.ZodType, where: FieldError['in'], value: unknown): z.output<T> => {
    const parsed = schema.safeParse(value, { error: plainWords });
    errors.push(...(parsed.success ? unstorableTexts(where, value) : fieldErrors(where, parsed.error.issues)));
    // Where it failed, `refuse` below throws before anyone sees the undefined.
    return parsed.data as z.output<T>;
  };
  const body: unknown = request.body;
  const call = {
    params: check<P>(spec.params ?? nothing, 'path', request.params),
    query: check<Q>(spec.query ?? nothing, 'query', request.query),
    body: check<B>(spec.body ?? nothing.optional(), 'body', body),
    headers: readHeaders(request, errors),
    caller,
    fingerprint: [request.method, request.path, request.query, body ?? null],
  };
  refuse(errors);
  return call;
}

/** Only fields that the schema of the answer names leave the house. */
async function send(answers: Answers, reply: AnyReply, response: Response): Promise<void> {
  response.status(reply.status).set(reply.headers ?? {});
  const schema = answers[reply.status]?.schema;
  if (schema) response.json(schema.parse(reply.body));
  else if (reply.stream) await reply.stream(response);
  else response.end();
}
