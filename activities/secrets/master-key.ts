import { randomBytes } from 'node:crypto';
import { readPrivateFile } from './private-file';

/** Size of an AES-256 key. */
const KEY_BYTES = 32;

/**
 * The key that all secrets of this installation are encrypted under: `<home>/key`, 32 bytes in hex, made at first use.
 * Of processes that start at once, all get the same.
 * @throws Error with the remedy, when others can read the file or it holds no key.
 */
export async function loadMasterKey(home: string): Promise<Buffer> {
  const { path, content } = await readPrivateFile(home, 'key', () => `${randomBytes(KEY_BYTES).toString('hex')}\n`);
  const text = content.trim();
  if (!/^[0-9a-f]{64}$/i.test(text)) {
    throw new Error(
      `${path} does not hold 32 bytes in hex; restore it from your backup, without it no secret can be read`,
    );
  }
  return Buffer.from(text, 'hex');
}
