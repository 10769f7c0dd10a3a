import type { Timeline } from '../../domain/backups';
import { HoldfastError } from '../../domain/errors';
import type { Fleet } from '../fleet';

/**
 * Sites that have something of a lineage, in its order; those that do not tell count as having nothing.
 * @throws SITE_UNAVAILABLE, SITE_REFUSED when none has, as far as they tell, and one does not.
 */
export async function sitesThatHave(
  { storage }: Pick<Fleet, 'storage'>,
  { id, sites }: Pick<Timeline, 'id' | 'sites'>,
): Promise<string[]> {
  const troubles: HoldfastError[] = [];
  const looks = sites.map(async (site) => {
    try {
      for await (const _ of storage.list(site, id, '')) return [site];
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      troubles.push(error);
    }
    return [];
  });
  const found = (await Promise.all(looks)).flat();
  const [trouble] = troubles;
  if (found.length === 0 && trouble) throw trouble;
  return found;
}
