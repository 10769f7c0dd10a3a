import type { Endpoint } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { ClusterView } from '../fleet';
import { gatewaysOf } from '../fleet';
import { GATEWAY_PORTS } from '../gateway/ports';

/** Where users connect: the floating address, or the published ports of every gateway where addresses can't float. */
export function endpointOf(view: ClusterView): Endpoint {
  const floating = view.network?.floatingAddress;
  if (floating) {
    const { primary, replica, pooled } = GATEWAY_PORTS;
    return { addresses: [{ host: floating, primaryPort: primary, replicaPort: replica, pooledPort: pooled }] };
  }
  return {
    addresses: gatewaysOf(view).map((gateway) => {
      const port = (own: number): { host: string; port: number } => {
        const address = gateway.publicPorts[own];
        if (!address)
          throw new HoldfastError('NOT_YET', {
            what: `The cloud publishes no address for port ${own} of ${gateway.name}.`,
          });
        return address;
      };
      const primary = port(GATEWAY_PORTS.primary);
      return {
        host: primary.host,
        primaryPort: primary.port,
        replicaPort: port(GATEWAY_PORTS.replica).port,
        pooledPort: port(GATEWAY_PORTS.pooled).port,
      };
    }),
  };
}
