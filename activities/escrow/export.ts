import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import type { Settings } from '../../domain/schemas/settings';
import type { OpenInventory } from '../inventory/open';
import { clusterId } from '../inventory/rows';
import { lineageOf } from '../pgbackrest/lineage';
import type { KeyringOptions } from '../secrets/keyring';
import { openKeyring } from '../secrets/keyring';
import { createSecretStore } from '../secrets/store';
import { openStorage } from '../storage/open';
import { readSites } from '../storage/sites-file';
import { escrowContents } from './contents';
import { OPEN_COMMAND, writeKeyFile } from './key-file';

/** An installation, on the machine of its control plane. */
export interface EscrowSource extends KeyringOptions {
  readonly inventory: OpenInventory;
  readonly sitesFile: Settings['HOLDFAST_SITES'];
}

/**
 * All that opens the backups of a cluster, also of a deleted one by its id, encrypted under a passphrase. Written to the
 * audit log. It asks neither the API nor Temporal, and nothing of it passes through them.
 *
 * @throws NOT_FOUND, BACKUPS_NOT_CONFIGURED; VALIDATION_FAILED for a name that clusters of several projects have.
 */
export async function exportEscrow(source: EscrowSource, reference: string, passphrase: string): Promise<string> {
  const { inventory } = source;
  const cluster = await inventory.clusters.get(await findCluster(source, reference));
  const timeline = cluster && (await inventory.timelines.current(cluster.id));
  if (!cluster) throw new HoldfastError('NOT_FOUND', { kind: 'cluster', ref: reference });
  if (!timeline) throw new HoldfastError('BACKUPS_NOT_CONFIGURED', { name: cluster.name });
  const secrets = createSecretStore(inventory.database, await openKeyring(source));
  const sites = await readSites({ HOLDFAST_HOME: source.home, HOLDFAST_SITES: source.sitesFile });
  const storage = openStorage(sites);
  try {
    const lineage = await lineageOf({ secrets, storage }, timeline);
    const exportedAt = new Date().toISOString();
    const header = [
      'Holdfast escrow 1',
      `Cluster: ${cluster.name} (${cluster.id})`,
      `Exported: ${exportedAt}`,
      `To open it: sed '1,/^$/d' THIS_FILE | ${OPEN_COMMAND}`,
    ];
    const file = writeKeyFile(header, escrowContents(cluster, lineage, exportedAt), passphrase);
    const details = { cluster: cluster.name, timeline: timeline.id };
    await inventory.audit({ actor: 'operator', action: 'export escrow', subject: cluster.id, details });
    return file;
  } finally {
    storage.close();
  }
}

async function findCluster({ inventory }: EscrowSource, reference: string): Promise<z.infer<typeof clusterId>> {
  const found = await inventory.database.rows(
    z.object({ id: clusterId }),
    'select id from clusters where id = $1 or (name = $1 and deleted_at is null)',
    [reference],
  );
  const [one, another] = found;
  if (!one) throw new HoldfastError('NOT_FOUND', { kind: 'cluster', ref: reference });
  if (!another) return one.id;
  const problems = `Clusters of several projects are named ${reference}: name one by its id, ${found.map(({ id }) => id).join(' or ')}`;
  throw new HoldfastError('VALIDATION_FAILED', { problems });
}
