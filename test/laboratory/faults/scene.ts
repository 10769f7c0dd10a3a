import type { ReachableNode } from '../../../activities/fleet';
import { eventually } from '../../support/eventually';
import type { OwnInstallation } from '../../support/own-installation';
import { login } from '../../system/support/endpoint';
import type { HaCluster } from '../../system/support/ha-cluster';
import { dataNodes, gateways, hostIdOf, primaryOf } from '../../system/support/ha-cluster';
import { runOn } from '../../system/support/image-tools';
import type { Scene } from './fault';

/** Who is what; waits until there is a primary and a gateway that serves. */
export async function setScene(ha: HaCluster<OwnInstallation>, random: () => number): Promise<Scene> {
  const [primary, gateway] = await Promise.all([primaryOf(ha), servingGateway(ha)]);
  const otherGateway = gateways(ha).find(({ name }) => name !== gateway.name);
  if (!otherGateway) throw new Error('there is one gateway only');
  const standbys = dataNodes(ha).filter(({ name }) => name !== primary.name);
  return { ha, primary, standbys, gateway, otherGateway, random };
}

/** The one that has the endpoint's address. */
function servingGateway(ha: HaCluster<OwnInstallation>): Promise<ReachableNode> {
  const { host } = login(ha.credentials, 'primaryPort');
  return eventually(
    async () => {
      for (const node of gateways(ha)) {
        const { stdout } = await runOn(hostIdOf(node), 'ip -4 -o addr show\n');
        if (stdout.includes(` ${host}/`)) return node;
      }
      return undefined;
    },
    { everyMs: 250 },
  );
}
