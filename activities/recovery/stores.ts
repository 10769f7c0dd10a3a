import type { Timeline } from '../../domain/backups';
import { tellsAbsence } from '../../domain/errors';
import type { Fleet } from '../fleet';

/**
 * Sites that answer and have something of a lineage, in its order.
 * @throws SITE_UNAVAILABLE when none answers; SITE_REFUSED.
 */
export async function sitesThatHave(
  { storage }: Pick<Fleet, 'storage'>,
  { id, sites }: Pick<Timeline, 'id' | 'sites'>,
): Promise<string[]> {
  const absences: unknown[] = [];
  const looks = sites.map(async (site) => {
    try {
      for await (const _ of storage.list(site, id, '')) return [site];
    } catch (error) {
      if (!tellsAbsence(error)) throw error;
      absences.push(error);
    }
    return [];
  });
  const found = (await Promise.all(looks)).flat();
  if (absences.length === sites.length) throw absences[0];
  return found;
}
