import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Problem } from './problem';

const GIB = 1024 ** 3;

/** What the image, its build and a first cluster take. */
export const FIRST_START_BYTES = 8 * GIB;

/**
 * Looks at the disk of `folder`, or of its nearest parent that exists.
 * @throws Problem when fewer than `bytes` are free there.
 */
export async function demandDiskSpace(folder: string, bytes: number): Promise<void> {
  if (!existsSync(folder) && folder !== dirname(folder)) return demandDiskSpace(dirname(folder), bytes);
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes) return;
  const gib = (value: number): string => (value / GIB).toFixed(1);
  throw new Problem(
    `The disk of ${folder} has ${gib(free)} GiB free and a first start needs ${gib(bytes)} GiB: free some, or move the Docker engine's data to a larger disk.`,
  );
}
