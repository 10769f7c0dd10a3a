import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import type { Database } from '../inventory/database';
import { first } from '../inventory/database';
import type { Envelope, Place } from './envelope';
import { seal, unseal } from './envelope';
import type { SecretRef, SecretStore } from './secrets';

const bytes = z.custom<Buffer>((value) => Buffer.isBuffer(value));
const secretRow = z
  .object({ version: z.number(), key_id: z.string(), wrapped_key: bytes, ciphertext: bytes })
  .transform((row) => ({
    version: row.version,
    envelope: { keyId: row.key_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext },
  }));

const FIRST_VERSION = 1;

/** Secrets in the inventory's table `secrets`, encrypted under `masterKey` (32 bytes, see loadMasterKey). */
export function createSecretStore(database: Database, masterKey: Buffer): SecretStore {
  const find = async (ref: SecretRef): Promise<string | null> => {
    const newest = first(
      await database.rows(
        secretRow,
        `select version, key_id, wrapped_key, ciphertext from secrets
          where cluster_id = $1 and name = $2 order by version desc limit 1`,
        [ref.clusterId, ref.name],
      ),
    );
    return newest && open(masterKey, ref, newest.version, newest.envelope);
  };

  const read = async (ref: SecretRef): Promise<string> => {
    const secret = await find(ref);
    if (secret === null) throw new HoldfastError('NOT_FOUND', { kind: 'secret', ref: ref.name });
    return secret;
  };

  return {
    read,
    ensure: async (ref, make) => {
      const known = await find(ref);
      if (known !== null) return known;
      await insertFirst(database, ref, seal(masterKey, placeOf(ref, FIRST_VERSION), await make()));
      return read(ref); // Not what was made here: another may have been faster.
    },
    deleteAll: async (clusterId) => {
      await database.run('delete from secrets where cluster_id = $1', [clusterId]);
    },
  };
}

async function insertFirst(database: Database, ref: SecretRef, envelope: Envelope): Promise<void> {
  await database.run(
    `insert into secrets (project_id, cluster_id, name, version, key_id, wrapped_key, ciphertext)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
    [ref.projectId, ref.clusterId, ref.name, FIRST_VERSION, envelope.keyId, envelope.wrappedKey, envelope.ciphertext],
  );
}

function open(masterKey: Buffer, ref: SecretRef, version: number, envelope: Envelope): string {
  try {
    return unseal(masterKey, placeOf(ref, version), envelope);
  } catch (cause) {
    throw new HoldfastError('SECRET_UNREADABLE', { name: ref.name }, { cause });
  }
}

const placeOf = (ref: SecretRef, version: number): Place => [ref.projectId, ref.clusterId, ref.name, version];
