import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import type { ClusterId, ProjectId } from '../../domain/ids';
import type { Sql } from '../inventory/database';
import type { Envelope, Place } from './envelope';
import { rewrap } from './envelope';
import { placeOfHistoryKey } from './history-keys';
import type { Keyring } from './keyring';
import type { MasterKey } from './master-keys';
import { placeOf } from './store';

/** Encrypts anew, under another master key, the keys of what the inventory keeps; the secrets themselves stay as they are. */

const bytes = z.custom<Buffer>((value) => Buffer.isBuffer(value));
const sealed = { key_id: z.string(), wrapped_key: bytes, ciphertext: bytes };
const secretRow = z.object({
  project_id: z.custom<ProjectId>(),
  cluster_id: z.custom<ClusterId>(),
  name: z.string(),
  version: z.number(),
  ...sealed,
});
const historyKeyRow = z.object({ id: z.string(), ...sealed });

/**
 * At most `batch` secrets that are under another key, in the caller's transaction. @returns how many; 0: none is left.
 * @throws SECRET_UNREADABLE for one that can't be opened: the key that it needs is then kept.
 */
export async function rewrapSecrets(sql: Sql, keyring: Keyring, to: MasterKey, batch: number): Promise<number> {
  const rows = await sql.rows(
    secretRow,
    `select project_id, cluster_id, name, version, key_id, wrapped_key, ciphertext from secrets
      where key_id <> $1 order by cluster_id, name, version limit $2 for update`,
    [to.id, batch],
  );
  for (const row of rows) {
    const ref = { projectId: row.project_id, clusterId: row.cluster_id, name: row.name };
    const place = placeOf(ref, row.version);
    const fresh = await encryptAnew(keyring, to, place, `${row.name} of cluster ${row.cluster_id}`, row);
    await sql.run(
      'update secrets set key_id = $4, wrapped_key = $5 where cluster_id = $1 and name = $2 and version = $3',
      [row.cluster_id, row.name, row.version, fresh.keyId, fresh.wrappedKey],
    );
  }
  return rows.length;
}

/** As {@link rewrapSecrets}, of the keys of histories. */
export async function rewrapHistoryKeys(sql: Sql, keyring: Keyring, to: MasterKey, batch: number): Promise<number> {
  const rows = await sql.rows(
    historyKeyRow,
    `select id, key_id, wrapped_key, ciphertext from history_keys where key_id <> $1 order by id limit $2 for update`,
    [to.id, batch],
  );
  for (const row of rows) {
    const fresh = await encryptAnew(keyring, to, placeOfHistoryKey(row.id), `history-key/${row.id}`, row);
    await sql.run('update history_keys set key_id = $2, wrapped_key = $3 where id = $1', [
      row.id,
      fresh.keyId,
      fresh.wrappedKey,
    ]);
  }
  return rows.length;
}

async function encryptAnew(
  keyring: Keyring,
  to: MasterKey,
  place: Place,
  name: string,
  row: { key_id: string; wrapped_key: Buffer; ciphertext: Buffer },
): Promise<Envelope> {
  const envelope = { keyId: row.key_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
  const key = await keyring.find(row.key_id);
  try {
    if (key === null) throw new Error(`master key ${row.key_id} is not in the key file`);
    return rewrap(key, to.key, place, envelope);
  } catch (cause) {
    throw new HoldfastError('SECRET_UNREADABLE', { name }, { cause });
  }
}
