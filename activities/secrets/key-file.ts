import { randomBytes } from 'node:crypto';
import { KEY_BYTES } from './cipher';
import { keyIdOf } from './envelope';
import type { KeyCommand } from './key-command';
import { readPrivateFile, replacePrivateFile } from './private-file';

/**
 * The master keys of an installation: `<home>/key`, mode 0600, a key a line, the oldest first. A line is the key itself
 * (32 bytes in hex), or `kms:<id>:<what the key command made of it>`. Which of them is used stands in the inventory.
 */

const NAME = 'key';
const PLAIN = /^[0-9a-f]{64}$/i;
const WRAPPED = /^kms:([0-9a-f]{16}):([\x21-\x7e]+)$/;

/** A line of the file. */
export interface KeyLine {
  readonly id: string;
  readonly line: string;
  /** @throws KEY_COMMAND_FAILED. */
  open(): Promise<Buffer>;
}

/**
 * Reads the file; makes it with a first key when there is none. Of processes that start at once, all get the same.
 * @param command what wraps keys; null: they stand in the file as they are.
 * @throws Error with the remedy, when others can read the file or it holds no key; KEY_COMMAND_FAILED.
 */
export async function readKeyFile(home: string, command: KeyCommand | null): Promise<KeyLine[]> {
  const { path, content } = await readPrivateFile(home, NAME, async () => `${(await makeKeyLine(command)).line}\n`);
  const lines = content.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) throw damaged(path);
  return lines.map((line) => parseLine(path, line.trim(), command));
}

/** Writes these lines in the place of those that the file has. */
export async function writeKeyFile(home: string, lines: readonly KeyLine[]): Promise<void> {
  await replacePrivateFile(`${home}/${NAME}`, lines.map(({ line }) => `${line}\n`).join(''));
}

/** A new key, in no file yet. @throws KEY_COMMAND_FAILED. */
export async function makeKeyLine(command: KeyCommand | null): Promise<KeyLine> {
  const key = randomBytes(KEY_BYTES);
  const id = keyIdOf(key);
  const line = command === null ? key.toString('hex') : `kms:${id}:${await command.wrap(key)}`;
  return { id, line, open: () => Promise.resolve(key) };
}

function parseLine(path: string, line: string, command: KeyCommand | null): KeyLine {
  if (PLAIN.test(line)) {
    const key = Buffer.from(line, 'hex');
    return { id: keyIdOf(key), line, open: () => Promise.resolve(key) };
  }
  const [, id, wrapped] = WRAPPED.exec(line) ?? [];
  if (id === undefined || wrapped === undefined) throw damaged(path);
  return { id, line, open: () => unwrap(path, command, id, wrapped) };
}

async function unwrap(path: string, command: KeyCommand | null, id: string, wrapped: string): Promise<Buffer> {
  if (command === null)
    throw new Error(`${path} holds a key that HOLDFAST_KEY_COMMAND wrapped: set that to the same command again`);
  const key = await command.unwrap(wrapped);
  if (keyIdOf(key) === id) return key;
  throw new Error(
    `HOLDFAST_KEY_COMMAND unwrapped another key than ${id}, which ${path} holds: is it the same command?`,
  );
}

const damaged = (path: string): Error =>
  new Error(
    `${path} does not hold 32 bytes in hex a line, or what HOLDFAST_KEY_COMMAND made of them; restore it from your backup, without it no secret can be read`,
  );
