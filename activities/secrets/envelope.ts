import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/** Envelope encryption with AES-256-GCM: each secret under a key of its own, that key under the master key. */

export interface Envelope {
  /** Names the master key without telling anything of it. */
  readonly keyId: string;
  /** The secret's own key, encrypted under the master key. */
  readonly wrappedKey: Buffer;
  readonly ciphertext: Buffer;
}

/** What a secret belongs to: an envelope opens for the same place only. */
export type Place = readonly (string | number)[];

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export function seal(masterKey: Buffer, place: Place, plaintext: string): Envelope {
  const key = randomBytes(KEY_BYTES);
  const context = encodePlace(place);
  return {
    keyId: keyIdOf(masterKey),
    wrappedKey: encrypt(masterKey, context, key),
    ciphertext: encrypt(key, context, Buffer.from(plaintext, 'utf8')),
  };
}

/** @throws Error when the master key or the place is another one, or when a bit of it was changed. */
export function unseal(masterKey: Buffer, place: Place, envelope: Envelope): string {
  if (envelope.keyId !== keyIdOf(masterKey)) throw new Error('it was encrypted under another master key');
  const context = encodePlace(place);
  const key = decrypt(masterKey, context, envelope.wrappedKey);
  return decrypt(key, context, envelope.ciphertext).toString('utf8');
}

function keyIdOf(masterKey: Buffer): string {
  return createHash('sha256').update('holdfast master key id').update(masterKey).digest('hex').slice(0, 16);
}

/** JSON, because no two lists have the same: `['a|b']` and `['a', 'b']` stay apart. */
const encodePlace = (place: Place): Buffer => Buffer.from(JSON.stringify(place), 'utf8');

/** Nonce, ciphertext, tag. A key of its own for each secret keeps random nonces far from repeating. */
function encrypt(key: Buffer, context: Buffer, plaintext: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(context);
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, context: Buffer, sealed: Buffer): Buffer {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new Error('it is cut short');
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(context)
    .setAuthTag(sealed.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
}
