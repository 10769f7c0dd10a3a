import express, { type Request, type Response } from 'express';
import { HoldfastError } from '../../domain/errors';

/**
 * Reads a request's body as JSON of any kind, once it is known who asks. Without one, `request.body` stays undefined.
 *
 * @throws UNSUPPORTED_MEDIA_TYPE, and what the last handler of the app makes BODY_TOO_LARGE and INVALID_JSON of.
 */
export type ReadBody = (request: Request, response: Response) => Promise<void>;

export function bodyReader(limitBytes: number): ReadBody {
  const parseJson = express.json({ limit: limitBytes, strict: false });
  return async (request, response) => {
    const hasBody =
      request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
    if (!hasBody) return;
    if (!request.is(['application/json'])) throw new HoldfastError('UNSUPPORTED_MEDIA_TYPE');
    await new Promise<void>((resolve, reject) => {
      parseJson(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(asError(error))));
    });
  };
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
