import type { Keyring } from './keyring';

/**
 * A row with the master key that it is encrypted under; its key is null when no file holds that. A rotation may take a
 * key away between the two looks: then the row has moved to another key, and is read again.
 */
export async function readUnderAnyKey<R extends { readonly keyId: string }>(
  keyring: Keyring,
  readRow: () => Promise<R | null>,
): Promise<{ readonly row: R; readonly key: Buffer | null } | null> {
  let row = await readRow();
  while (row !== null) {
    const key = await keyring.find(row.keyId);
    if (key !== null) return { row, key };
    const again = await readRow();
    if (again?.keyId === row.keyId) return { row: again, key: null };
    row = again;
  }
  return null;
}
