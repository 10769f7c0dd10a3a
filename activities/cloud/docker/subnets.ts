import { createHash } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';

/**
 * Addresses of the private networks: /26s of one pool. Within each: .1 the gateway, .2 to .61 hosts, .62 the address
 * that floats. Docker's own choice is kept to the lower half, though no container of ours leaves it the choice.
 */

const POOL = ipaddr.IPv4.parse('10.213.0.0').toByteArray();
const PREFIX = 26;
const SIZE = 2 ** (32 - PREFIX);
const COUNT = 2 ** 16 / SIZE;

export interface Subnet {
  readonly cidr: string;
  readonly gateway: string;
  readonly dynamicRange: string;
}

/** The address `offset` places after the first one of `cidr`. */
function addressAt(cidr: string, offset: number): string {
  const bytes = ipaddr.IPv4.networkAddressFromCIDR(cidr).toByteArray();
  const number = bytes.reduce((sum, byte) => sum * 256 + byte, 0) + offset;
  return [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join('.');
}

export function hostAddresses(cidr: string): string[] {
  return Array.from({ length: SIZE - 4 }, (_, i) => addressAt(cidr, i + 2));
}

export const floatingAddress = (cidr: string): string => addressAt(cidr, SIZE - 2);

/**
 * Subnets that overlap none of `used`, in an order that depends on `seed`: an address that a deleted cluster had is
 * not soon another's, so that no old client or ARP entry reaches the wrong one.
 *
 * @param preferred comes first, where it is one of these.
 */
export function* freeSubnets(seed: string, used: readonly string[], preferred?: string): Generator<Subnet> {
  const start = createHash('sha256').update(seed).digest().readUInt16BE() % COUNT;
  const all = Array.from({ length: COUNT }, (_, i) => cidrOf((start + i) % COUNT));
  const first = all.filter((cidr) => cidr === preferred);
  for (const cidr of [...first, ...all.filter((other) => other !== preferred)]) {
    if (used.some((other) => overlap(cidr, other))) continue;
    yield { cidr, gateway: addressAt(cidr, 1), dynamicRange: cidr.replace(`/${PREFIX}`, `/${PREFIX + 1}`) };
  }
}

const cidrOf = (number: number): string => `${addressAt(`${POOL.join('.')}/16`, number * SIZE)}/${PREFIX}`;

/** IPv4 networks that this machine is in itself. */
export function machineSubnets(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).flatMap(({ family, cidr }) => (family === 'IPv4' && cidr !== null ? [cidr] : [])),
  );
}

/** Two CIDR blocks overlap when the first address of one lies in the other. IPv6 never overlaps with ours. */
export function overlap(a: string, b: string): boolean {
  if (!ipaddr.IPv4.isValidCIDR(a) || !ipaddr.IPv4.isValidCIDR(b)) return false;
  const [blockA, blockB] = [ipaddr.IPv4.parseCIDR(a), ipaddr.IPv4.parseCIDR(b)];
  const shorter = Math.min(blockA[1], blockB[1]);
  return blockA[0].match(blockB[0], shorter);
}
