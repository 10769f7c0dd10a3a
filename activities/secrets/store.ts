import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import type { Database } from '../inventory/database';
import { first } from '../inventory/database';
import { isKeyRetired } from '../inventory/errors';
import type { Envelope, Place } from './envelope';
import { seal, unseal } from './envelope';
import type { Keyring } from './keyring';
import { currentKey } from './master-keys';
import { readUnderAnyKey } from './read-under-any-key';
import type { SecretRef, SecretStore } from './secrets';
import { BACKUP_SECRETS, secretsOfLineage } from './stored-secrets';

const bytes = z.custom<Buffer>((value) => Buffer.isBuffer(value));
const secretRow = z
  .object({ version: z.number(), key_id: z.string(), wrapped_key: bytes, ciphertext: bytes })
  .transform((row) => ({
    version: row.version,
    envelope: { keyId: row.key_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext },
  }));

const FIRST_VERSION = 1;

/** Secrets in the inventory's table `secrets`, encrypted under the current master key of `keyring`. */
export function createSecretStore(database: Database, keyring: Keyring): SecretStore {
  const find = async (ref: SecretRef): Promise<string | null> => {
    const found = await readUnderAnyKey(keyring, async () => {
      const newest = first(
        await database.rows(
          secretRow,
          `select version, key_id, wrapped_key, ciphertext from secrets
            where cluster_id = $1 and name = $2 order by version desc limit 1`,
          [ref.clusterId, ref.name],
        ),
      );
      return newest && { ...newest, keyId: newest.envelope.keyId };
    });
    if (found === null) return null;
    return open(found.key, ref, found.row.version, found.row.envelope);
  };

  const read = async (ref: SecretRef): Promise<string> => {
    const secret = await find(ref);
    if (secret === null) throw new HoldfastError('NOT_FOUND', { kind: 'secret', ref: ref.name });
    return secret;
  };

  return {
    find,
    read,
    ensure: async (ref, make) => {
      const known = await find(ref);
      if (known !== null) return known;
      await insertFirst(database, keyring, ref, await make());
      return read(ref); // Not what was made here: another may have been faster.
    },
    ...forgetting(database),
  };
}

function forgetting(database: Database): Pick<SecretStore, 'forget' | 'deleteOwn' | 'deleteOfBackups'> {
  const remove = async (condition: string, ...values: readonly string[]): Promise<void> => {
    await database.run(`delete from secrets where cluster_id = $1 and ${condition}`, [...values]);
  };
  return {
    forget: ({ clusterId, name }) => remove('name = $2', clusterId, name),
    deleteOwn: (clusterId) => remove('not starts_with(name, $2)', clusterId, BACKUP_SECRETS),
    deleteOfBackups: (clusterId, id) => remove('starts_with(name, $2)', clusterId, secretsOfLineage(id)),
  };
}

/** A cluster that was deleted gets no secrets any more: nobody would ever delete them. */
async function insertFirst(database: Database, keyring: Keyring, ref: SecretRef, secret: string): Promise<void> {
  const { key } = await currentKey(database, keyring);
  const envelope = seal(key, placeOf(ref, FIRST_VERSION), secret);
  try {
    await database.run(
      `insert into secrets (project_id, cluster_id, name, version, key_id, wrapped_key, ciphertext)
       select $1, id, $3, $4, $5, $6, $7 from clusters where id = $2 and deleted_at is null for share
       on conflict do nothing`,
      [ref.projectId, ref.clusterId, ref.name, FIRST_VERSION, envelope.keyId, envelope.wrappedKey, envelope.ciphertext],
    );
  } catch (error) {
    // A rotation ended since the key was chosen; the next choice is another one.
    if (!isKeyRetired(error)) throw error;
    await insertFirst(database, keyring, ref, secret);
  }
}

function open(masterKey: Buffer | null, ref: SecretRef, version: number, envelope: Envelope): string {
  try {
    if (masterKey === null) throw new Error(`master key ${envelope.keyId} is not in the key file`);
    return unseal(masterKey, placeOf(ref, version), envelope);
  } catch (cause) {
    throw new HoldfastError('SECRET_UNREADABLE', { name: ref.name }, { cause });
  }
}

/** What a secret is bound to. */
export const placeOf = (ref: SecretRef, version: number): Place => [ref.projectId, ref.clusterId, ref.name, version];
