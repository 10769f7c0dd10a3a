import type { ClientConfig } from 'pg';
import type { EndpointAddress } from '../../../domain/clusters';
import type { Holdfast } from '../../support/holdfast';
import { login } from '../../system/support/endpoint';
import { ask } from './user';

/** A deletion that somebody regrets, as the users of the cluster see it. */

/** A client with what it once was told, which it keeps over the deletion of its cluster. */
export interface KeptClient {
  readonly config: ClientConfig;
  readonly addresses: readonly EndpointAddress[];
  readonly floats: boolean;
}

export async function clientOf(holdfast: Holdfast, cluster: string): Promise<KeptClient> {
  const { status } = await holdfast.cluster(cluster);
  const floats = status.conditions.some(({ type, status: isMet }) => type === 'EndpointAddressFloats' && isMet);
  const config = login(await holdfast.credentials(cluster), 'primaryPort');
  return { config, addresses: status.endpoint?.addresses ?? [], floats };
}

export async function undelete(holdfast: Holdfast, id: string): Promise<void> {
  const { id: operation } = await ask(holdfast, 'POST', `/v1/clusters/${id}/undelete`, {});
  const { steps } = await holdfast.succeed(operation);
  const { progress } = steps.find(({ title }) => title === 'create the private network') ?? {};
  console.log(`undeleted: ${String(progress)}`);
}

/**
 * Its password and the authority that it trusts are those of before. So is where it connects to, where addresses float:
 * elsewhere the user has to tell it the new ports.
 */
export async function sameClient(holdfast: Holdfast, cluster: string, before: KeptClient): Promise<ClientConfig> {
  const now = await clientOf(holdfast, cluster);
  const { host, port } = now.config;
  if (!before.floats)
    return { ...before.config, ...(host !== undefined && { host }), ...(port !== undefined && { port }) };
  expect(now.addresses).toEqual(before.addresses);
  return before.config;
}
