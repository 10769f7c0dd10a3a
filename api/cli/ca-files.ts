import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Client } from './client';

/**
 * CA certificates of clusters, where libpq can read them: a file per cluster, named by its id, which no other cluster
 * ever has. Those of clusters that are gone are removed when that becomes known.
 */

/** Keeps a cluster's certificate (mode 0600). @returns its file, and whether it is new. */
export function saveCa(folder: string, clusterId: string, pem: string): { file: string; fresh: boolean } {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = caFile(folder, clusterId);
  const fresh = !idsIn(folder).includes(clusterId);
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, pem, { mode: 0o600 });
  renameSync(unfinished, file);
  return { file, fresh };
}

export function removeCa(folder: string, clusterId: string): void {
  rmSync(caFile(folder, clusterId), { force: true });
}

/**
 * Removes those of clusters that the API says were deleted. One that it does not know is left alone: it is another
 * project's or another installation's.
 */
export async function removeCasOfDeleted(folder: string, client: Pick<Client, 'showCluster'>): Promise<void> {
  for (const id of idsIn(folder)) {
    const deletedAt = await client.showCluster(id).then(
      (cluster) => cluster.deletedAt,
      () => null,
    );
    if (deletedAt !== null) removeCa(folder, id);
  }
}

const caFile = (folder: string, clusterId: string): string => path.join(folder, `${clusterId}.pem`);

function idsIn(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap((name) => /^(clu_[0-9a-z]+)\.pem$/.exec(name)?.[1] ?? []);
  } catch {
    return []; // None was ever kept.
  }
}
