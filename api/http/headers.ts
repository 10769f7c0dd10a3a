import type { Request } from 'express';
import type { FieldError } from '../../domain/schemas/problems';
import { InvalidRequest } from './problem';

/** Request headers that routes understand, parsed. */
export interface KnownHeaders {
  /** Generation that the caller read; null when it does not care. */
  readonly ifMatch: number | null;
  readonly idempotencyKey: string | null;
  /** Where a stream of events goes on; 0 from the beginning. */
  readonly lastEventId: number;
}

/** A strong ETag of a generation. */
export const etagOf = (generation: number): string => `"${generation}"`;

/** Reads them all; what is wrong is added to `errors`. */
export function readHeaders(request: Request, errors: FieldError[]): KnownHeaders {
  const wrong = (name: string, message: string): void => {
    errors.push({ in: 'header', pointer: `/${name}`, code: 'bad_header', message });
  };
  const ifMatch = request.get('If-Match');
  const generation = /^"(\d{1,15})"$/.exec(ifMatch ?? '')?.[1];
  if (ifMatch !== undefined && ifMatch !== '*' && generation === undefined) {
    wrong('If-Match', 'send the ETag of the cluster, such as "3", or *');
  }
  const key = request.get('Idempotency-Key');
  if (key !== undefined && !/^[\x21-\x7e]{1,255}$/.test(key))
    wrong('Idempotency-Key', '1 to 255 visible ASCII characters, such as a UUID');
  const lastEventId = request.get('Last-Event-ID');
  if (lastEventId !== undefined && !/^\d{0,15}$/.test(lastEventId))
    wrong('Last-Event-ID', 'the id of an event that you received');
  return {
    ifMatch: generation === undefined ? null : Number(generation),
    idempotencyKey: key ?? null,
    lastEventId: Number(lastEventId ?? 0),
  };
}

/** @throws VALIDATION_FAILED when any was found. */
export function refuse(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw new InvalidRequest(errors);
}
