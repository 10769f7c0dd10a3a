import type { OwnInstallation } from '../../support/own-installation';
import type { HaCluster } from '../../system/support/ha-cluster';
import { dataNodes, gateways, primaryOf, servingGateway } from '../../system/support/ha-cluster';
import type { Scene } from './fault';

/** Who is what; waits until there is a primary and a gateway that serves. */
export async function setScene(ha: HaCluster<OwnInstallation>, random: () => number): Promise<Scene> {
  const [primary, gateway] = await Promise.all([primaryOf(ha), servingGateway(ha)]);
  const otherGateway = gateways(ha).find(({ name }) => name !== gateway.name);
  if (!otherGateway) throw new Error('there is one gateway only');
  const standbys = dataNodes(ha).filter(({ name }) => name !== primary.name);
  return { ha, primary, standbys, gateway, otherGateway, random };
}
