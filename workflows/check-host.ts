import type { HostCheck } from '../domain/hosts';
import type { HostId } from '../domain/ids';
import { inspection } from './proxies';

/** Looks at one registered machine. Changes nothing, so it is no operation. */
export async function checkHost(id: HostId): Promise<readonly HostCheck[]> {
  return inspection.checkHost(id);
}
