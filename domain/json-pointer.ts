/** JSON pointers (RFC 6901), by which an error says where in a request something is wrong. */

export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The place as people write it: `plan`, `allowedIps[1]`; empty for the whole. */
export function placeInWords(pointer: string): string {
  return partsOf(pointer).reduce(
    (place, part) =>
      place !== '' && isIndex(part) ? `${place}[${part}]` : `${place}${place === '' ? '' : '.'}${part}`,
    '',
  );
}

/** The field that the pointer begins with, the whole place, and which entry of its list is meant, if any: `/backups/sites/1`. */
export function fieldAndEntry(pointer: string): { field: string; place: string; entry: number | null } {
  const parts = partsOf(pointer);
  const last = parts.at(-1);
  const entry = parts.length > 1 && last !== undefined && isIndex(last) ? Number(last) : null;
  const place = (entry === null ? parts : parts.slice(0, -1)).join('/');
  return { field: parts[0] ?? '', place, entry };
}

const isIndex = (part: string): boolean => /^\d+$/.test(part);

function partsOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}
