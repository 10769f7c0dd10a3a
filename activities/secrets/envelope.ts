import { createHash, randomBytes } from 'node:crypto';
import { decrypt, encrypt, KEY_BYTES } from './cipher';

/** Envelope encryption: each secret under a key of its own, that key under the master key. */

export interface Envelope {
  /** Names the master key without telling anything of it. */
  readonly keyId: string;
  /** The secret's own key, encrypted under the master key. */
  readonly wrappedKey: Buffer;
  readonly ciphertext: Buffer;
}

/** What a secret belongs to: an envelope opens for the same place only. */
export type Place = readonly (string | number)[];

export function seal(masterKey: Buffer, place: Place, plaintext: string): Envelope {
  const key = randomBytes(KEY_BYTES);
  const context = encodePlace(place);
  return {
    keyId: keyIdOf(masterKey),
    // A key of its own for each secret keeps random nonces far from repeating.
    wrappedKey: encrypt(masterKey, context, key),
    ciphertext: encrypt(key, context, Buffer.from(plaintext, 'utf8')),
  };
}

/** @throws Error when the master key or the place is another one, or when a bit of it was changed. */
export function unseal(masterKey: Buffer, place: Place, envelope: Envelope): string {
  return decrypt(unwrap(masterKey, place, envelope), encodePlace(place), envelope.ciphertext).toString('utf8');
}

/** The same secret under another master key; its ciphertext stays. @throws Error as {@link unseal}. */
export function rewrap(oldKey: Buffer, newKey: Buffer, place: Place, envelope: Envelope): Envelope {
  unseal(oldKey, place, envelope); // A secret that can't be read is told while its key is still there.
  const key = unwrap(oldKey, place, envelope);
  return { ...envelope, keyId: keyIdOf(newKey), wrappedKey: encrypt(newKey, encodePlace(place), key) };
}

export function keyIdOf(masterKey: Buffer): string {
  return createHash('sha256').update('holdfast master key id').update(masterKey).digest('hex').slice(0, 16);
}

function unwrap(masterKey: Buffer, place: Place, envelope: Envelope): Buffer {
  if (envelope.keyId !== keyIdOf(masterKey)) throw new Error('it was encrypted under another master key');
  return decrypt(masterKey, encodePlace(place), envelope.wrappedKey);
}

/** JSON, because no two lists have the same: `['a|b']` and `['a', 'b']` stay apart. */
const encodePlace = (place: Place): Buffer => Buffer.from(JSON.stringify(place), 'utf8');
