import * as ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** The canonical text of a CIDR block (`203.0.113.0/24`, `2001:db8::/32`); a lone address means itself. Null when it is neither. */
export function canonicalCidr(text: string): string | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return `${text}/32`;
  if (ipaddr.IPv6.isValid(text) && !text.includes('%')) return `${ipaddr.IPv6.parse(text).toRFC5952String()}/128`;
  if (!ipaddr.isValidCIDR(text) || text.includes('%')) return null;
  const [address, bits] = ipaddr.parseCIDR(text);
  if (address instanceof ipaddr.IPv4) {
    // ipaddr.js also takes 10.1/16 and 0x0a.0.0.0: what other programs read differently is refused.
    return ipaddr.IPv4.isValidFourPartDecimal(text.split('/')[0] ?? '') ? networkOf4(text) : null;
  }
  return `${ipaddr.IPv6.networkAddressFromCIDR(text).toRFC5952String()}/${bits}`;
}

function networkOf4(cidr: string): string {
  return `${ipaddr.IPv4.networkAddressFromCIDR(cidr).toString()}/${ipaddr.parseCIDR(cidr)[1]}`;
}

/** True when the block leaves no address out: allowed only because someone wrote exactly that. */
const isWholeInternet = (cidr: string): boolean => cidr === '0.0.0.0/0' || cidr === '::/0';

const cidrSchema = z.string().transform((text, context) => {
  const cidr = canonicalCidr(text);
  if (cidr === null) {
    context.addIssue({ code: 'custom', message: 'must be a network (CIDR) such as 203.0.113.0/24 or 2001:db8::/32' });
    return z.NEVER;
  }
  const opensTooMuch = isWholeInternet(cidr) && text !== cidr;
  if (opensTooMuch) {
    context.addIssue({
      code: 'custom',
      message: `means the whole internet: write exactly ${cidr} to allow that`,
    });
    return z.NEVER;
  }
  return cidr;
});

export const allowedIpsSchema = z
  .array(cidrSchema)
  .max(100)
  .transform((cidrs) => [...new Set(cidrs)])
  .meta({
    description:
      'CIDR blocks (IPv4 or IPv6) that may connect. The machine of the control plane always may. `0.0.0.0/0` only when written exactly so.',
    example: ['203.0.113.0/24', '2001:db8::/32'],
  });
