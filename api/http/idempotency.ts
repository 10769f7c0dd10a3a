import { createHash } from 'node:crypto';
import type { Idempotency } from '../../activities/inventory/inventory';
import type { AnyCall } from './route';

/** How a repeated request is known: by its key, whose key it is, and a hash of what was asked. Null without a key. */
export function idempotencyOf({ headers, caller, fingerprint }: AnyCall): Idempotency | null {
  if (headers.idempotencyKey === null) return null;
  const requestHash = createHash('sha256').update(JSON.stringify(fingerprint, sortedKeys)).digest('hex');
  return { key: headers.idempotencyKey, principal: caller.tokenId, requestHash };
}

/** The order of an object's fields means nothing in JSON, so it must not make another request. */
function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
