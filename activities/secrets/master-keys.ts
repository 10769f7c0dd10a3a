import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import type { Database } from '../inventory/database';
import { first } from '../inventory/database';
import type { Keyring } from './keyring';
import { readUnderAnyKey } from './read-under-any-key';

/** Which master key is used: the inventory's table `master_keys`, the same for all processes. */

export interface MasterKey {
  readonly id: string;
  readonly key: Buffer;
}

const idRow = z.object({ id: z.string() }).transform(({ id }) => id);

/**
 * The key to encrypt under now. The first who asks on an inventory without any key registers the newest of its file.
 * @throws MASTER_KEY_MISSING when the key file does not hold it; KEY_COMMAND_FAILED.
 */
export async function currentKey(database: Database, keyring: Keyring): Promise<MasterKey> {
  const found = await readUnderAnyKey(keyring, async () => {
    const keyId = (await findCurrent(database)) ?? (await registerFirst(database, await keyring.newest()));
    return { keyId };
  });
  if (!found?.key) throw new HoldfastError('MASTER_KEY_MISSING', { key: found?.row.keyId ?? '' });
  return { id: found.row.keyId, key: found.key };
}

async function findCurrent(database: Database): Promise<string | null> {
  return first(await database.rows(idRow, 'select id from master_keys where current'));
}

/** Never beside another one: a process that slept through a rotation must not bring back the old key. */
async function registerFirst(database: Database, id: string): Promise<string> {
  await database.run(
    `insert into master_keys (id, current) select $1, true where not exists (select from master_keys)
     on conflict do nothing`,
    [id],
  );
  const current = await findCurrent(database); // Another may have been faster.
  if (current === null) throw new HoldfastError('UNAVAILABLE', { part: 'The master key' });
  return current;
}

const keyRow = z.object({ id: z.string(), current: z.boolean() });

/** All keys that something is, or may be, encrypted under. */
export function registeredKeys(database: Database): Promise<z.infer<typeof keyRow>[]> {
  return database.rows(keyRow, 'select id, current from master_keys order by created_at');
}
