import type { KeyCommand } from './key-command';
import { createKeyCommand } from './key-command';
import { readKeyFile } from './key-file';

/** The master keys that this process knows. It reads the key file again for a key that it does not know yet. */
export interface Keyring {
  /** Null when the file does not hold it. @throws KEY_COMMAND_FAILED, and what is wrong with the file. */
  find(id: string): Promise<Buffer | null>;
  /** The newest key of the file: what an inventory without any key begins with. */
  newest(): Promise<string>;
}

export interface KeyringOptions {
  /** Folder of the installation's state. */
  readonly home: string;
  /** HOLDFAST_KEY_COMMAND; null: keys stand in the file as they are. */
  readonly command: string | null;
}

/**
 * The keyring of `<home>/key`; made with a first key when there is none. All keys are opened now, so that a start tells
 * what is wrong with them, and a KMS that is away later does no harm.
 * @throws Error with the remedy, KEY_COMMAND_FAILED.
 */
export async function openKeyring({ home, command }: KeyringOptions): Promise<Keyring> {
  const keyCommand = command === null ? null : createKeyCommand(command);
  const keys = new Map<string, Buffer>();
  const read = (): Promise<string> => readInto(keys, home, keyCommand);
  await read();
  return {
    newest: read,
    async find(id) {
      if (!keys.has(id)) await read();
      return keys.get(id) ?? null;
    },
  };
}

/** @returns id of the newest. */
async function readInto(keys: Map<string, Buffer>, home: string, command: KeyCommand | null): Promise<string> {
  const lines = await readKeyFile(home, command);
  for (const line of lines) if (!keys.has(line.id)) keys.set(line.id, await line.open());
  return lines.at(-1)?.id ?? '';
}
