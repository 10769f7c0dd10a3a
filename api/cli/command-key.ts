import path from 'node:path';
import type { Command } from 'commander';
import { describe } from './help';
import { type Installation, onInstallation } from './installation';
import { print, printList, say } from './output';
import type { Format } from './output';

/**
 * Commands that work on the key file and the inventory themselves, not through the API: they belong to whoever runs the
 * control plane, on its machine, and no token gives the right to them.
 */
export function addKeyCommands(program: Command, formatOf: () => Format): void {
  const key = describe(
    program.command('key'),
    'Look after the master key, on the machine of the control plane.',
    'key list',
  );
  describe(key.command('list'), 'List the keys of the key file and which one is in use.', 'key list').action(
    async () => {
      await printList(formatOf(), await onInstallation(list), {
        key: (item) => item.id,
        kept: (item) => item.kept,
        state: (item) => item.state,
      });
    },
  );
  describe(
    key.command('rotate'),
    'Put a new master key in the place of the one in use, while everything goes on. Finishes a rotation that was interrupted.',
    'key rotate',
    'key rotate --prepare',
  )
    .option(
      '--prepare',
      'Only write the new key into the key file, to copy that to other machines of the control plane first.',
    )
    .action(async (flags: { prepare?: true }) => {
      await onInstallation((installation) => (flags.prepare ? prepare(installation) : rotate(installation)));
    });
}

interface ListedKey {
  readonly id: string;
  readonly kept: string;
  readonly state: string;
}

async function list({ home, command, inventory: { database } }: Installation): Promise<ListedKey[]> {
  const { createKeyCommand } = await import('../../activities/secrets/key-command.js');
  const { readKeyFile } = await import('../../activities/secrets/key-file.js');
  const { registeredKeys } = await import('../../activities/secrets/master-keys.js');
  const lines = await readKeyFile(home, command === null ? null : createKeyCommand(command));
  const registered = await registeredKeys(database);
  const stateOf = (id: string): string => {
    const known = registered.find((one) => one.id === id);
    return known === undefined ? 'not used' : known.current ? 'in use' : 'being replaced';
  };
  const inFile = lines.map(({ id, line }) => ({
    id,
    kept: line.startsWith('kms:') ? 'wrapped in the key file' : 'in the key file',
    state: stateOf(id),
  }));
  const missing = registered.filter(({ id }) => !lines.some((line) => line.id === id));
  return [...inFile, ...missing.map(({ id }) => ({ id, kept: 'MISSING', state: stateOf(id) }))];
}

async function prepare({ home, command, inventory: { database } }: Installation): Promise<void> {
  const { prepareMasterKey } = await import('../../activities/secrets/rotate.js');
  print(await prepareMasterKey({ home, command, database }));
  say(`It is in ${path.join(home, 'key')} and not used yet: copy that file to the other machines, then rotate.`);
}

async function rotate({ home, command, inventory }: Installation): Promise<void> {
  const { rotateMasterKey } = await import('../../activities/secrets/rotate.js');
  const { database } = inventory;
  const { keyId, finishedOnly, rewrapped } = await rotateMasterKey({ home, command, database, onProgress: say });
  await inventory.audit({ actor: 'operator', action: 'rotate master key', subject: keyId, details: { rewrapped } });
  print(keyId);
  say(finishedOnly ? 'The rotation that had been interrupted is finished.' : 'The new key is in use.');
  say(`Back up ${path.join(home, 'key')} now. Older backups of the inventory need the older key file.`);
}
