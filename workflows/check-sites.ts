import type { SiteCheck } from '../domain/sites';
import { inspection } from './proxies';

/** Asks every object store whether it can be used. Leaves nothing behind, so it is no operation. */
export async function checkSites(): Promise<readonly SiteCheck[]> {
  return inspection.checkSites();
}
