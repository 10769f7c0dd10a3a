import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, Request, Response } from 'express';
import { describeJsonError } from './json-position';
import { ERRORS, HoldfastError } from '../../domain/errors';
import { isId } from '../../domain/ids';
import type { FieldError, Problem } from '../../domain/schemas/problems';
import { contextOf } from './context';
import { sentenceOf } from './field-errors';
import type { Log } from './log';
import { clusterPath, operationPath } from './shapes';

/** Every error of the API becomes an RFC 9457 problem here, and only here. */

/** Of routes that do not say otherwise. */
export const BODY_LIMIT_BYTES = 1024 ** 2;

/** Seconds after which to try again, where nothing better is known. */
export const RETRY_AFTER = '2';

/** A request with fields that are wrong: which, and what would be right. */
export class InvalidRequest extends HoldfastError {
  constructor(readonly errors: readonly FieldError[]) {
    super('VALIDATION_FAILED', { problems: sentenceOf(errors) });
  }
}

/** Answers that a header completes: `Allow`, `WWW-Authenticate`, `Retry-After`. */
export class ProblemWithHeaders extends HoldfastError {
  constructor(
    code: HoldfastError['code'],
    values: HoldfastError['values'],
    readonly headers: Readonly<Record<string, string>>,
  ) {
    super(code, values);
  }
}

/** The last handler of the app. Details of an unexpected error go to the log, never to the client. */
export function problemHandler(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const { requestId } = contextOf(request);
    const known = recognise(error, requestId);
    if (known.code === 'INTERNAL') log.error({ requestId, err: error }, 'unexpected error');
    if (response.headersSent) {
      next(error);
      return;
    }
    sendProblem(request, response, known);
  };
}

function sendProblem(request: Request, response: Response, error: HoldfastError): void {
  const problem = problemOf(error, contextOf(request).requestId, request.path);
  if (error instanceof ProblemWithHeaders) response.set(error.headers);
  if (problem.retryable && !response.hasHeader('Retry-After')) response.set('Retry-After', RETRY_AFTER);
  response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
}

/** A request that is none. */
export const malformedRequest = (detail: string): HoldfastError => new HoldfastError('MALFORMED_REQUEST', { detail });

export function problemOf(error: HoldfastError, requestId: string, instance: string): Problem {
  const entry = ERRORS[error.code];
  const { operation, cluster, kind, ref } = error.values;
  const docUrl = `/v1/errors/${error.code}`;
  return {
    type: docUrl,
    title: entry.title,
    status: entry.status,
    detail: error.message,
    instance,
    code: error.code,
    ...(error instanceof InvalidRequest ? { errors: error.errors } : {}),
    ...(isId('op', String(operation)) ? { operation: operationPath(String(operation)) } : {}),
    ...(isId('clu', String(cluster)) ? { cluster: clusterPath(String(cluster)) } : {}),
    ...(error.code === 'NOT_FOUND' ? { missing: { kind: String(kind), ref: String(ref) } } : {}),
    requestId,
    retryable: entry.retryable,
    docUrl,
  };
}

/** What a foreign error means in our words: those of body-parser, the router and the inventory's connection. */
export function recognise(error: unknown, requestId: string): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const { type, status, code, body, limit } = propertiesOf(error);
  if (type === 'entity.too.large') return new HoldfastError('BODY_TOO_LARGE', { limitBytes: Number(limit) });
  if (type === 'entity.parse.failed')
    return new HoldfastError('INVALID_JSON', { detail: describeJsonError(String(body)) });
  if (type === 'encoding.unsupported' || type === 'charset.unsupported')
    return new HoldfastError('UNSUPPORTED_MEDIA_TYPE');
  if (error instanceof URIError) {
    return new InvalidRequest([
      { in: 'path', pointer: '', code: 'bad_encoding', message: 'has a broken percent-encoding' },
    ]);
  }
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new HoldfastError('INVALID_JSON', { detail: STATUS_CODES[status] ?? 'it could not be read' });
  }
  if (typeof code === 'string' && isConnectionLoss(code))
    return new HoldfastError('UNAVAILABLE', { part: 'The inventory' }, { cause: error });
  return new HoldfastError('INTERNAL', { requestId }, { cause: error });
}

/** Node's codes of a lost connection, and PostgreSQL's: class 08, too many connections, shutdown, start-up. */
function isConnectionLoss(code: string): boolean {
  return (
    ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', '53300', '57P01', '57P02', '57P03'].includes(code) ||
    /^08\w{3}$/.test(code)
  );
}

function propertiesOf(error: unknown): Readonly<Record<string, unknown>> {
  if (typeof error !== 'object' || error === null) return {};
  // Inherited ones too: body-parser's errors have their status from a prototype.
  const names = ['type', 'status', 'code', 'body', 'limit'];
  return Object.fromEntries(names.map((name): [string, unknown] => [name, Reflect.get(error, name)]));
}
