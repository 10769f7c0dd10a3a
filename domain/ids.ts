/** Ids are prefixed, sortable by time and branded, so that an operation's id never passes for a cluster's. */

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_CHARACTERS = 10;
const RANDOM_CHARACTERS = 16;

export type IdPrefix = 'prj' | 'clu' | 'op' | 'tok' | 'evt' | 'req' | 'host' | 'fip' | 'bkp' | 'dmp' | 'drl' | 'tl';
export type Id<P extends IdPrefix> = `${P}_${string}`;

export type ProjectId = Id<'prj'>;
export type ClusterId = Id<'clu'>;
export type OperationId = Id<'op'>;
export type TokenId = Id<'tok'>;
export type HostId = Id<'host'>;
export type FloatingAddressId = Id<'fip'>;
export type BackupId = Id<'bkp'>;
export type DrillId = Id<'drl'>;
export type DumpId = Id<'dmp'>;
export type TimelineId = Id<'tl'>;

/** Bytes of chance that {@link makeId} needs. */
export const ID_RANDOM_BYTES = RANDOM_CHARACTERS;

/**
 * Makes an id: prefix, 10 characters of time, 16 of chance (Crockford's base 32, lower case, as in ULID).
 * Pure: the caller gives time and chance, because workflow code may use neither the clock nor `crypto`.
 */
export function makeId<P extends IdPrefix>(prefix: P, nowMs: number, random: Uint8Array): Id<P> {
  let time = '';
  for (let rest = nowMs, i = 0; i < TIME_CHARACTERS; i++, rest = Math.floor(rest / 32))
    time = ALPHABET.charAt(rest % 32) + time;
  const chance = Array.from(random.subarray(0, RANDOM_CHARACTERS), (byte) => ALPHABET.charAt(byte % 32)).join('');
  return `${prefix}_${time}${chance}`;
}

/** The id of something that an operation makes one of: a retry makes the same one. */
export function idOfOperation<P extends IdPrefix>(prefix: P, operationId: OperationId): Id<P> {
  return `${prefix}_${operationId.slice('op_'.length)}`;
}

/** True when `text` is an id of that kind (and not, say, a name). */
export function isId<P extends IdPrefix>(prefix: P, text: string): text is Id<P> {
  return new RegExp(`^${prefix}_[0-9a-hjkmnp-tv-z]{26}$`).test(text);
}
