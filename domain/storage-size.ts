/** Sizes of storage as people write them: `512MiB`, `20GiB`, `1TiB`. Whole numbers, binary units only: no doubt about 1000 or 1024. */

const UNITS = { MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 } as const;

/** No more than 999 TiB: bytes of it stay exact as a number of JavaScript. */
export const STORAGE_SIZE_PATTERN = /^(?:([1-9][0-9]{0,5})(MiB|GiB)|([1-9][0-9]{0,2})(TiB))$/;

/** Bytes of such a text, or null when it is not one. */
export function parseStorageSize(text: string): number | null {
  const match = STORAGE_SIZE_PATTERN.exec(text);
  const unit = match?.[2] ?? match?.[4];
  if (unit !== 'MiB' && unit !== 'GiB' && unit !== 'TiB') return null;
  return Number(match?.[1] ?? match?.[3]) * UNITS[unit];
}

/** The shortest exact text in binary units; bytes when it is not a whole number of MiB. */
export function formatStorageSize(bytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB'] as const) {
    if (bytes > 0 && bytes % UNITS[unit] === 0) return `${bytes / UNITS[unit]}${unit}`;
  }
  return `${bytes} bytes`;
}
