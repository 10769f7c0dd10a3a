import type { Timeline } from '../../domain/backups';
import type { Fleet } from '../fleet';

/** True while a site of a lineage has no backup, and another one has: what was taken on the way of a restore went to one only. */
export async function lacksSite({ inventory }: Pick<Fleet, 'inventory'>, { id, sites }: Timeline): Promise<boolean> {
  const copies = await inventory.backups.copies(id);
  return copies.length > 0 && sites.some((site) => copies.every((copy) => copy.site !== site || copy.damaged));
}
