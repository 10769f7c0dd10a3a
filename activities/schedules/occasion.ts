import { createHash } from 'node:crypto';
import { SCHEDULE_PRINCIPAL } from '../../domain/names';
import type { OperationInput } from '../../domain/operations';
import type { Fleet } from '../fleet';
import type { Idempotency } from '../inventory/inventory';

/** What tells a run of a Schedule from all others: two of the same occasion are one. */

/** Ids of what the occasion begins are made of it. */
export const hashOf = (occasion: string): Buffer => createHash('sha256').update(occasion).digest();

export const idempotencyOf = (occasion: string): Idempotency => ({
  key: occasion,
  principal: SCHEDULE_PRINCIPAL,
  requestHash: hashOf(occasion).toString('hex'),
});

/** What became of a run that was due. */
export type Opened =
  | { readonly operation: OperationInput }
  /** Nothing was written, and this is why. */
  | { readonly operation: null; readonly reason: string };

export const nothing = (reason: string): Opened => ({ operation: null, reason });

/** What an earlier try has written: it runs, whatever has become of the cluster or its policy since. Null: nothing. */
export async function begunAt(
  { inventory: { operations } }: Pick<Fleet, 'inventory'>,
  occasion: string,
): Promise<OperationInput | null> {
  const known = await operations.findReplay(idempotencyOf(occasion));
  return known && operations.requireInput(known.id);
}
