import { createCipheriv, createHash, pbkdf2Sync, randomBytes } from 'node:crypto';

/**
 * A text under a passphrase, in a format that the openssl of any Debian opens by one command: AES-256-CBC with a key by
 * PBKDF2. `openssl enc` knows no authenticated mode, and its checksums with a key would want that key in an argument; so the
 * text ends with its own SHA-256, inside of what is encrypted, by which a wrong passphrase and a changed file are told.
 */

/** What OWASP asks of PBKDF2 with SHA-256. */
const ITERATIONS = 600_000;
const KEY_BYTES = 32;
const IV_BYTES = 16;
const SALT_BYTES = 8;
const LINE = 64;

export const OPEN_COMMAND = `openssl enc -d -aes-256-cbc -pbkdf2 -iter ${ITERATIONS} -md sha256 -a`;

/** @param header lines that everybody may read. */
export function writeKeyFile(header: readonly string[], text: string, passphrase: string): string {
  const sum = createHash('sha256').update(text).digest('hex');
  const salt = randomBytes(SALT_BYTES);
  const derived = pbkdf2Sync(passphrase, salt, ITERATIONS, KEY_BYTES + IV_BYTES, 'sha256');
  const cipher = createCipheriv('aes-256-cbc', derived.subarray(0, KEY_BYTES), derived.subarray(KEY_BYTES));
  const sealed = [Buffer.from('Salted__'), salt, cipher.update(`${text}sha256 ${sum}\n`, 'utf8'), cipher.final()];
  const lines =
    Buffer.concat(sealed)
      .toString('base64')
      .match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  return `${[...header, '', ...lines].join('\n')}\n`;
}
