import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import type { Database, Sql } from '../inventory/database';
import { first } from '../inventory/database';
import { isKeyRetired } from '../inventory/errors';
import { KEY_BYTES } from './cipher';
import type { Place } from './envelope';
import { keyIdOf, seal, unseal } from './envelope';
import type { Keyring } from './keyring';
import type { MasterKey } from './master-keys';
import { currentKey } from './master-keys';
import { readUnderAnyKey } from './read-under-any-key';

/**
 * The keys of the payloads in Temporal's histories, in the inventory, encrypted under the master key. They are made by
 * chance, not derived from the master key: histories that were written before a rotation must stay readable after it,
 * when the old master key is gone.
 */
export interface HistoryKeys {
  /** The newest: what is written now is encrypted under it. Made when there is none. */
  current(): Promise<HistoryKey>;
  /** @returns null when this installation never had it. */
  find(id: string): Promise<Buffer | null>;
}

export interface HistoryKey {
  readonly id: string;
  readonly key: Buffer;
}

/** A process encrypts under a key that a rotation has replaced for so long at most. */
const KEEP_MS = 30_000;

const bytes = z.custom<Buffer>((value) => Buffer.isBuffer(value));
const historyKeyRow = z
  .object({ id: z.string(), key_id: z.string(), wrapped_key: bytes, ciphertext: bytes })
  .transform((row) => ({ id: row.id, keyId: row.key_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext }));
type HistoryKeyRow = z.infer<typeof historyKeyRow>;

const COLUMNS = 'id, key_id, wrapped_key, ciphertext';

/** @param keepMs how long the newest key is taken for the newest without looking. */
export function createHistoryKeys(database: Database, keyring: Keyring, keepMs = KEEP_MS): HistoryKeys {
  const known = new Map<string, Buffer>();
  let newest: { readonly id: string; readonly untilMs: number } | null = null;

  const read = async (statement: string, values: readonly string[] = []): Promise<HistoryKey | null> => {
    const found = await readUnderAnyKey(keyring, async () =>
      first(await database.rows(historyKeyRow, statement, values)),
    );
    if (found === null) return null;
    const key = open(found.row, found.key);
    known.set(found.row.id, key);
    return { id: found.row.id, key };
  };
  const find: HistoryKeys['find'] = async (id) =>
    known.get(id) ?? (await read(`select ${COLUMNS} from history_keys where id = $1`, [id]))?.key ?? null;
  const findNewest = async (): Promise<HistoryKey> => {
    const found = await read(`select ${COLUMNS} from history_keys order by made_at desc limit 1`);
    if (found !== null) return found;
    await makeFirst(database, keyring);
    return findNewest();
  };

  return {
    find,
    async current() {
      const key = newest === null ? undefined : known.get(newest.id);
      if (newest !== null && key !== undefined && Date.now() < newest.untilMs) return { id: newest.id, key };
      try {
        const found = await findNewest();
        newest = { id: found.id, untilMs: Date.now() + keepMs };
        return found;
      } catch (error) {
        // While the inventory is away, workflows go on under the key that they have.
        if (newest !== null && key !== undefined) return { id: newest.id, key };
        throw error;
      }
    },
  };
}

/** Writes a new key, which is the current one from now on. */
export async function insertHistoryKey(sql: Sql, master: MasterKey): Promise<void> {
  const key = randomBytes(KEY_BYTES);
  const id = keyIdOf(key);
  const { keyId, wrappedKey, ciphertext } = seal(master.key, placeOfHistoryKey(id), key.toString('hex'));
  await sql.run(`insert into history_keys (${COLUMNS}) values ($1, $2, $3, $4)`, [id, keyId, wrappedKey, ciphertext]);
}

/** What a history key is bound to. */
export const placeOfHistoryKey = (id: string): Place => ['history-key', id];

/** Of two that make one at once both stay, and the newer one is used. */
async function makeFirst(database: Database, keyring: Keyring): Promise<void> {
  await insertHistoryKey(database, await currentKey(database, keyring)).catch((error: unknown) => {
    if (!isKeyRetired(error)) throw error;
  });
}

function open(row: HistoryKeyRow, masterKey: Buffer | null): Buffer {
  try {
    if (masterKey === null) throw new Error(`master key ${row.keyId} is not in the key file`);
    return Buffer.from(unseal(masterKey, placeOfHistoryKey(row.id), row), 'hex');
  } catch (cause) {
    throw new HoldfastError('SECRET_UNREADABLE', { name: `history-key/${row.id}` }, { cause });
  }
}
