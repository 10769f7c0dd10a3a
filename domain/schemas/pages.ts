import { z } from 'zod';

/** Cursor pages: newest first; an item that comes or goes in between shifts nothing. */

export const DEFAULT_PAGE = 50;
export const MAX_PAGE = 200;

export const pageQuery = {
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_PAGE)
    .default(DEFAULT_PAGE)
    .meta({ description: `Items per page, 1 to ${MAX_PAGE}.` }),
  cursor: z.string().min(1).max(200).optional().meta({ description: '`nextCursor` of the page before.' }),
};

/** A page of `item`; `nextCursor` is null on the last one. */
export function pageOf<T extends z.ZodType>(
  item: T,
): z.ZodObject<{ items: z.ZodReadonly<z.ZodArray<T>>; nextCursor: z.ZodNullable<z.ZodString> }> {
  return z.object({ items: z.array(item).readonly(), nextCursor: z.string().nullable() });
}

/** All items at once, where there can't be many. */
export function listOf<T extends z.ZodType>(item: T): z.ZodObject<{ items: z.ZodReadonly<z.ZodArray<T>> }> {
  return z.object({ items: z.array(item).readonly() });
}

/** A name or an id in a path. Anything that is neither is simply not found. */
export const referenceSchema = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\x00]*$/, 'cannot hold a NUL character');

/** A flag of the query string. */
export const flagSchema = z
  .enum(['true', 'false'])
  .default('false')
  .transform((text) => text === 'true');
