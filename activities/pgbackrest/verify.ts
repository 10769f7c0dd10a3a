import { createHash } from 'node:crypto';
import type { TimelineId } from '../../domain/ids';
import type { Timeline } from '../../domain/backups';
import type { DataCheck } from '../../domain/restored';
import type { SiteName } from '../../domain/sites';
import { HoldfastError } from '../../domain/errors';
import type { Fleet } from '../fleet';
import type { SetPlace } from '../inventory/backup-tables';

/**
 * What tells that a set in a store is the one that was taken: its manifest, which has the checksums of all its files. pgBackRest
 * writes it once, when the set is whole, and checks files against it when it restores them.
 */

/** Within the place of the lineage in a store. https://pgbackrest.org/user-guide.html */
const manifestKey = (id: TimelineId, setId: string): string => `backup/${id}/${setId}/backup.manifest`;

/** Null: the store has none. @throws SITE_UNAVAILABLE, SITE_REFUSED. */
async function readManifest(
  { storage }: Pick<Fleet, 'storage'>,
  { timelineId, site, setId }: SetPlace,
): Promise<string | null> {
  const content = await storage.read(site, timelineId, manifestKey(timelineId, setId));
  return content && createHash('sha256').update(content).digest('hex');
}

/** Writes down the checksums of the manifests that are new on a site. One that can't be read is left to the next look: no backup waits for it. */
export async function recordManifests(fleet: Fleet, { id }: Timeline, site: SiteName): Promise<void> {
  const { backups } = fleet.inventory;
  for (const setId of await backups.listUnread(id, site)) {
    const place = { timelineId: id, site, setId };
    const sha256 = await readManifest(fleet, place).catch(noneOf);
    if (sha256 !== null) await backups.recordManifest(place, sha256);
  }
}

function noneOf(error: unknown): null {
  if (!isOfSite(error)) throw error;
  return null;
}

/** It is away, or does not let the control plane in, which is no word of what its hosts can do there. */
const isOfSite = (error: unknown): boolean =>
  error instanceof HoldfastError && ['SITE_UNAVAILABLE', 'SITE_REFUSED'].includes(error.code);

/**
 * Of a set that was restored: whether its manifest is what it was when the backup was taken. No check where nobody knows what that
 * was, or where the site can't be asked: it holds up no restore.
 */
export async function checkManifest(fleet: Fleet, place: SetPlace): Promise<DataCheck[]> {
  const known = (await fleet.inventory.backups.findCopy(place))?.manifestSha256 ?? null;
  if (known === null) return [];
  try {
    const found = await readManifest(fleet, place);
    return [{ name: 'manifest in the store', passed: found === known, detail: manifestInWords(place, known, found) }];
  } catch (error) {
    if (!isOfSite(error)) throw error;
    return [];
  }
}

function manifestInWords({ setId, site }: SetPlace, known: string, found: string | null): string {
  const of = `that of ${setId} on ${site}`;
  if (found === known) return `${of} has the checksum of when it was taken, ${known}`;
  const is = found === null ? 'is not there any more' : `has another checksum now (${found})`;
  return `${of} ${is}: it had ${known} when the backup was taken`;
}
