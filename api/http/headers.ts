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

/** What each takes: checked here, and told by the OpenAPI document. */
export const HEADER_PATTERNS = {
  'If-Match': /^(?:"(\d{1,15})"|\*)$/,
  'Idempotency-Key': /^[\x21-\x7e]{1,255}$/,
  'Last-Event-ID': /^\d{0,15}$/,
} as const;

/** Reads them all; what is wrong is added to `errors`. */
export function readHeaders(request: Request, errors: FieldError[]): KnownHeaders {
  const wrong = (name: string, message: string): void => {
    errors.push({ in: 'header', pointer: `/${name}`, code: 'bad_header', message });
  };
  const ifMatch = request.get('If-Match');
  const condition = HEADER_PATTERNS['If-Match'].exec(ifMatch ?? '');
  if (ifMatch !== undefined && condition === null)
    wrong('If-Match', 'must be the ETag of the cluster, such as "3", or *');
  const key = request.get('Idempotency-Key');
  if (key !== undefined && !HEADER_PATTERNS['Idempotency-Key'].test(key))
    wrong('Idempotency-Key', 'must be 1 to 255 visible ASCII characters, such as a UUID');
  const lastEventId = request.get('Last-Event-ID');
  if (lastEventId !== undefined && !HEADER_PATTERNS['Last-Event-ID'].test(lastEventId))
    wrong('Last-Event-ID', 'must be the id of an event that you received');
  return {
    ifMatch: condition?.[1] === undefined ? null : Number(condition[1]),
    idempotencyKey: key ?? null,
    lastEventId: Number(lastEventId ?? 0),
  };
}

/** @throws VALIDATION_FAILED when any was found. */
export function refuse(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw new InvalidRequest(errors);
}
