import type { Logger } from 'pino';
import type { RequestHandler } from 'express';
import { contextOf } from './context';

/** Structured log. No header and no body of a request is ever handed to it. */
export type Log = Pick<Logger, 'info' | 'warn' | 'error'>;

/** Gives each request its id (also as `X-Request-Id`) and writes one line when its answer is out. */
export function logRequests(log: Log): RequestHandler {
  return (request, response, next) => {
    const context = contextOf(request);
    response.set('X-Request-Id', context.requestId);
    response.once('close', () => {
      const { requestId, route, tokenId } = context;
      const ms = Math.round(performance.now() - context.startedAt);
      log.info(
        { requestId, method: request.method, path: request.path, route, status: response.statusCode, ms, tokenId },
        'request',
      );
    });
    next();
  };
}
