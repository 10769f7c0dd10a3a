import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Read and write of group and others. */
const OTHERS = 0o077;

/**
 * A file that only its owner can read, made with `make` when there is none. Of processes that make it at once, one wins
 * and all read its content; none ever sees a part of it.
 * @throws Error with the remedy, when others can read it.
 */
export async function readPrivateFile(
  folder: string,
  name: string,
  make: () => string | Promise<string>,
): Promise<{ readonly path: string; readonly content: string }> {
  const path = join(folder, name);
  const content = (await read(path)) ?? (await create(path, await make()));
  return { path, content };
}

/** Puts `content` in the place of what such a file holds, at once or not at all, and lasting when it returns. */
export async function replacePrivateFile(path: string, content: string): Promise<void> {
  const fresh = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeDurably(fresh, content);
    await rename(fresh, path);
  } finally {
    await rm(fresh, { force: true });
  }
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function read(path: string): Promise<string | null> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  });
  if (!file) return null;
  try {
    const { mode } = await file.stat();
    if ((mode & OTHERS) !== 0) throw new Error(`${path} can be read by others; run: chmod 600 ${path}`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** Writes a neighbour and links it: unlike a rename, a link never replaces what another process has made. */
async function create(path: string, content: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const fresh = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeDurably(fresh, content);
    await link(fresh, path).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error;
    });
  } finally {
    await rm(fresh, { force: true });
  }
  const stored = await read(path);
  if (stored === null) throw new Error(`${path} vanished while it was made`);
  return stored;
}

async function writeDurably(path: string, content: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
