import { typeInWords } from '../../../domain/backup-words';

test('a backup is told as what the copies of it are that are there', () => {
  const full = { type: 'full', removedAt: null } as const;
  const incremental = { type: 'incremental', removedAt: null } as const;
  const removed = { type: 'full', removedAt: '2026-11-21T07:00:00.000Z' } as const;
  const typeOf = (...copies: Parameters<typeof typeInWords>[0]['copies']): string =>
    typeInWords({ type: 'incremental', copies });
  expect(typeOf()).toBe('incremental');
  expect(typeOf(full, full)).toBe('full');
  expect(typeOf(full, incremental)).toBe('full,incremental');
  expect(typeOf(removed, incremental)).toBe('incremental');
  expect(typeOf(removed)).toBe('incremental');
});
