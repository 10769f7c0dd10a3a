import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import type { OpenInventory } from '../../activities/inventory/open';
import type { KeyringOptions } from '../../activities/secrets/keyring';
import { CliError } from './exit';
import { describe } from './help';
import { print, printList, say } from './output';
import type { Format } from './output';
import { findHome } from './settings';

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

interface Installation extends KeyringOptions {
  readonly inventory: OpenInventory;
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

async function onInstallation<T>(work: (installation: Installation) => Promise<T>): Promise<T> {
  const home = findHome(process.env['HOLDFAST_HOME']);
  if (home === null || !existsSync(path.join(home, 'key')))
    throw new CliError(
      'There is no key file here: run this on the machine of the control plane, with its HOLDFAST_HOME.',
    );
  const { createInventory } = await import('../../activities/inventory/open.js');
  const inventory = createInventory(databaseUrl(home), { connections: 2 });
  try {
    return await work({ home, command: process.env['HOLDFAST_KEY_COMMAND']?.trim() || null, inventory });
  } finally {
    await inventory.close();
  }
}

/** DATABASE_URL, else the one that `npm start` has brought up and written down; its password stands in the home too. */
function databaseUrl(home: string): string {
  const given = process.env['DATABASE_URL'];
  if (given) return given;
  const file = path.join(home, 'database-url');
  if (!existsSync(file)) throw new CliError('Set DATABASE_URL to the inventory of the control plane.');
  process.env['PGPASSFILE'] ??= path.join(home, 'pgpass');
  return readFileSync(file, 'utf8').trim();
}
