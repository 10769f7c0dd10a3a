import fc from 'fast-check';
import { allowedIpsSchema, canonicalCidr } from '../../../../domain/schemas/addresses';

test.each([
  ['10.0.0.7/8', '10.0.0.0/8'],
  ['192.0.2.1', '192.0.2.1/32'],
  ['2001:DB8:0:0::7/64', '2001:db8::/64'],
  ['2001:db8::1', '2001:db8::1/128'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['::/0', '::/0'],
])('%s means %s', (text, cidr) => {
  expect(canonicalCidr(text)).toBe(cidr);
});

test.each([
  '',
  'all',
  '10.0.0.0/33',
  '10.0.0/8',
  '10.1',
  '0x0a.0.0.1/32',
  '012.0.0.1/8',
  '::/129',
  'fe80::1%eth0',
  '1.2.3.4/',
  '1.2.3.4/8/8',
  ' 1.2.3.4',
  '1.2.3.4/+8',
  '1.2.3.4/-0',
])('%p is no network', (text) => {
  expect(canonicalCidr(text)).toBeNull();
});

test('a canonical network stays as it is', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })),
        fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })),
      ),
      ([address, bits]) => {
        const once = canonicalCidr(`${address}/${bits}`);
        if (once !== null) expect(canonicalCidr(once)).toBe(once);
      },
    ),
  );
});

test('the whole internet only when written so', () => {
  expect(allowedIpsSchema.safeParse(['0.0.0.0/0', '::/0']).success).toBe(true);
  expect(allowedIpsSchema.safeParse(['10.0.0.0/0']).success).toBe(false);
  expect(allowedIpsSchema.safeParse(['2001:db8::/0']).success).toBe(false);
});
