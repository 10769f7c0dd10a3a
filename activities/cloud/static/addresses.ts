import ipaddr from 'ipaddr.js';
import type { FloatingAddress } from '../../../domain/hosts';

type Floating = Pick<FloatingAddress, 'address' | 'prefixLength'>;

/** The network that a floating address is in, such as `192.0.2.0/24`. */
export function networkOf({ address, prefixLength }: Floating): string {
  return `${ipaddr.IPv4.networkAddressFromCIDR(`${address}/${prefixLength}`).toString()}/${prefixLength}`;
}

/** True when `address` is in the network of the floating one. */
export function sameNetwork(address: string, floating: Floating): boolean {
  return (
    ipaddr.IPv4.isValidFourPartDecimal(address) &&
    ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parseCIDR(networkOf(floating)))
  );
}
