import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { OpenInventory } from '../../activities/inventory/open';
import type { KeyringOptions } from '../../activities/secrets/keyring';
import { CliError } from './exit';
import { findHome } from './settings';

/** Commands that work on the key file and the inventory themselves, on the machine of the control plane. */

export interface Installation extends KeyringOptions {
  readonly inventory: OpenInventory;
}

/** @throws CliError where there is none. */
export async function onInstallation<T>(work: (installation: Installation) => Promise<T>): Promise<T> {
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
