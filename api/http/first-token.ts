import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Inventory } from '../../activities/inventory/inventory';
import { SCOPES } from '../../domain/tokens';
import { MAX_TOKEN_DAYS } from '../../domain/schemas/tokens';
import { hashToken, makeTokenText } from './auth';
import { newId } from './context';

const DEFAULT_PROJECT = 'default';
const LIFE_MS = MAX_TOKEN_DAYS * 24 * 3600 * 1000;

/**
 * Makes project `default` and a token with all scopes in `<home>/token` (mode 0600), where the `holdfast` command and
 * `npm start` find it. Idempotent: a token in that file that still works is kept.
 *
 * @returns the token's text: to be printed by `npm start`, never to be logged.
 */
export async function ensureFirstToken({ inventory, home }: { inventory: Inventory; home: string }): Promise<string> {
  const file = path.join(home, 'token');
  const kept = await readToken(file);
  if (kept !== null && (await works(inventory, kept))) {
    await chmod(file, 0o600);
    return kept;
  }
  const { id: projectId } = await inventory.projects.ensure(DEFAULT_PROJECT);
  const id = newId('tok');
  const text = makeTokenText(id);
  const expiresAt = new Date(Date.now() + LIFE_MS).toISOString();
  await inventory.tokens.create({ id, projectId, name: 'first', scopes: SCOPES, expiresAt, hash: hashToken(text) });
  await writeToken(file, text);
  return text;
}

async function readToken(file: string): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

async function works(inventory: Inventory, text: string): Promise<boolean> {
  const token = await inventory.tokens.findByHash(hashToken(text));
  if (token === null || token.revokedAt !== null || Date.parse(token.expiresAt) <= Date.now()) return false;
  // An older release may have made it, which knew fewer.
  return SCOPES.every((scope) => token.scopes.includes(scope));
}

/** Whole or not at all, and never readable by others, not even for a moment. */
async function writeToken(file: string, text: string): Promise<void> {
  const fresh = `${file}.${process.pid}`;
  await writeFile(fresh, `${text}\n`, { mode: 0o600 });
  await rename(fresh, file);
}
