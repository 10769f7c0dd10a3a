import type { RestoreTarget, RestoreWindow } from '../domain/backups';
import type { ClusterId } from '../domain/ids';
import type { SiteName } from '../domain/sites';
import { inspection } from './proxies';

/** Looks from where to where a cluster can be restored. Changes nothing on it, so it is no operation. */
export async function lookAtWindow(
  clusterId: ClusterId,
  upTo: RestoreTarget | null,
  site: SiteName | null,
): Promise<RestoreWindow | null> {
  return inspection.lookAtWindow(clusterId, upTo, site);
}
