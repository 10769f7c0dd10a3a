import type { ReachableNode } from '../fleet';
import { plainWord } from '../host/config-text';

export const KEEPALIVED_CONFIG_FILE = '/etc/keepalived/keepalived.conf';

/**
 * VRRP by unicast (clouds drop multicast): the floating address lives on the first gateway that works. VRRP 3 counts in
 * hundredths of a second: a dead gateway is noticed after about three adverts.
 */
export function keepalivedConfig(
  address: string,
  prefixLength: number,
  own: ReachableNode,
  gateways: readonly ReachableNode[],
  networkInterface = 'eth0',
): string {
  const rank = gateways.findIndex((gateway) => gateway.name === own.name);
  const peers = gateways.filter((gateway) => gateway.name !== own.name);
  return `global_defs {
  router_id ${plainWord(own.name)}
  vrrp_version 3
  enable_script_security
  script_user root
}

vrrp_script haproxy {
  script "/usr/sbin/start-stop-daemon --status --pidfile /run/haproxy.pid --name haproxy"
  interval 1
  fall 2
  rise 1
}

vrrp_instance endpoint {
  interface ${plainWord(networkInterface)}
  state ${rank === 0 ? 'MASTER' : 'BACKUP'}
  virtual_router_id 54
  priority ${200 - rank * 10}
  advert_int 0.5
  unicast_src_ip ${plainWord(own.privateAddress)}
  unicast_peer {
${peers.map((peer) => `    ${plainWord(peer.privateAddress)}\n`).join('')}  }
  virtual_ipaddress {
    ${plainWord(address)}/${prefixLength}
  }
  track_script {
    haproxy
  }
}
`;
}
