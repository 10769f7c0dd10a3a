import type { RestoreWindow } from '../domain/backups';
import type { ClusterId } from '../domain/ids';
import { inspection } from './proxies';

/** Looks from where to where a cluster can be restored. Changes nothing on it, so it is no operation. */
export async function lookAtWindow(clusterId: ClusterId, upTo: string | null): Promise<RestoreWindow | null> {
  return inspection.lookAtWindow(clusterId, upTo);
}
