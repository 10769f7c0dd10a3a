import fc from 'fast-check';
import { formatStorageSize, parseStorageSize } from '../../../domain/storage-size';

test('what is written is what is read', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 999_999 }), fc.constantFrom('MiB', 'GiB', 'TiB'), (number, unit) => {
      const count = unit === 'TiB' ? number % 1000 || 1 : number;
      const bytes = parseStorageSize(`${count}${unit}`);
      expect(Number.isSafeInteger(bytes)).toBe(true);
      expect(parseStorageSize(formatStorageSize(bytes ?? 0))).toBe(bytes);
    }),
  );
});

test.each(['20GB', '20 GiB', '0GiB', '1.5GiB', '-1GiB', 'GiB', '20', '20gib', '1000TiB', '9999999TiB'])(
  '%s is no size',
  (text) => {
    expect(parseStorageSize(text)).toBeNull();
  },
);

test('a size is 1024, not 1000', () => {
  expect(parseStorageSize('20GiB')).toBe(20 * 1024 ** 3);
});
