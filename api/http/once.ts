import type { z } from 'zod';
import type { AuditEntry } from '../../activities/inventory/audit';
import type { Tables } from '../../activities/inventory/inventory';
import type { ApiDeps } from './deps';
import { idempotencyOf } from './idempotency';
import type { AnyCall } from './route';

/** What a change gives that is no operation: its answer, and what the audit log says of it besides who did it. */
export interface Change<T> {
  readonly answer: T;
  readonly action: string;
  readonly subject: string;
  readonly details?: AuditEntry['details'];
}

/**
 * Makes a change, writes it to the audit log, and keeps its answer under the request's Idempotency-Key: one transaction.
 * @returns the answer, and the header that tells when an earlier request did it.
 */
export async function once<T>(
  { inventory }: Pick<ApiDeps, 'inventory'>,
  call: AnyCall,
  shape: z.ZodType<T>,
  change: (tables: Tables) => Promise<Change<T>>,
): Promise<{ answer: T; headers: { 'Idempotency-Replayed'?: 'true' } }> {
  const { caller } = call;
  const { answer, replayed } = await inventory.once(idempotencyOf(call), shape, async (tables) => {
    const done = await change(tables);
    const details = { project: caller.projectId, token: caller.tokenId, ...done.details };
    const { action, subject } = done;
    return { answer: done.answer, audit: { actor: caller.tokenName, action, subject, details } };
  });
  return { answer, headers: replayed ? { 'Idempotency-Replayed': 'true' } : {} };
}
