import { createHash, createHmac, pbkdf2 as pbkdf2Callback, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const pbkdf2 = promisify(pbkdf2Callback);

/** 24 bytes of chance are 32 characters of base64. */
const PASSWORD_BYTES = 24;
const SALT_BYTES = 16;
/** PostgreSQL's own number (scram_iterations). The password is random: more would only slow logins. */
const ITERATIONS = 4096;
const DIGEST_BYTES = 32;

/** A password of 32 characters that need no quoting in URLs, shells or connection strings. */
export function makePassword(): string {
  return randomBytes(PASSWORD_BYTES).toString('base64url');
}

/**
 * What PostgreSQL stores instead of a password: `ALTER ROLE … PASSWORD '<verifier>'` never shows the password to the
 * server, nor to its log. PgBouncer takes it too. Each call has another salt: store the result where it must not change.
 * @throws RangeError when the password has characters that SASLprep might change.
 */
export async function scramVerifier(password: string): Promise<string> {
  if (!/^[\x21-\x7e]+$/.test(password)) throw new RangeError('a password has visible ASCII characters only');
  const salt = randomBytes(SALT_BYTES);
  const salted = await pbkdf2(password, salt, ITERATIONS, DIGEST_BYTES, 'sha256');
  const hmac = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  const serverKey = hmac('Server Key').toString('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}
