import type { IdPrefix } from '../../domain/ids';
import { isId } from '../../domain/ids';
import { InvalidRequest } from './problem';

/** Cursors: opaque to clients, the last id of a page to us. Nothing in them grants anything, so they bear no signature. */

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

const encode = (id: string): string => Buffer.from(id).toString('base64url');

/** @throws VALIDATION_FAILED for a cursor that this collection did not give. */
export function decodeCursor(prefix: IdPrefix, cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString();
  if (isId(prefix, id) && encode(id) === cursor) return id;
  throw new InvalidRequest([
    {
      in: 'query',
      pointer: '/cursor',
      code: 'bad_cursor',
      message: 'is not a cursor of this list: begin without one',
    },
  ]);
}

/** A page of what `list` gives: asks for one item more than wanted, to know whether there is a next page. */
export async function readPage<T extends { readonly id: string }>(
  prefix: IdPrefix,
  query: { readonly limit: number; readonly cursor?: string | undefined },
  list: (page: { limit: number; before?: string }) => Promise<readonly T[]>,
): Promise<Page<T>> {
  const before = query.cursor === undefined ? {} : { before: decodeCursor(prefix, query.cursor) };
  const found = await list({ limit: query.limit + 1, ...before });
  const items = found.slice(0, query.limit);
  const last = items.at(-1);
  return { items, nextCursor: found.length > query.limit && last !== undefined ? encode(last.id) : null };
}
