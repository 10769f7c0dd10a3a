import type { SiteCheck } from '../../domain/sites';
import type { Fleet } from '../fleet';

export interface StorageActivities {
  /**
   * Writes, reads back and deletes an object on each site, all at the same time. In the order of the sites file. Leaves
   * nothing behind, so it is no step. Idempotent. Retry: none, somebody waits.
   */
  checkSites(): Promise<readonly SiteCheck[]>;
}

export function createStorageActivities({ storage }: Pick<Fleet, 'storage'>): StorageActivities {
  return {
    checkSites: () => Promise.all(storage.sites.map(({ name }) => storage.check(name))),
  };
}
