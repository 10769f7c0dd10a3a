import { createHash, randomBytes } from 'node:crypto';
import type { Request } from 'express';
import type { Inventory } from '../../activities/inventory/inventory';
import { HoldfastError } from '../../domain/errors';
import type { TokenId } from '../../domain/ids';
import type { Scope } from '../../domain/tokens';
import { type Caller, contextOf } from './context';
import { ProblemWithHeaders } from './problem';

const TOKEN_PATTERN = /^hft_([0-9a-hjkmnp-tv-z]{26})_([A-Za-z0-9_-]{43})$/;
const SECRET_BYTES = 32;

/** The text of a new token: its id, so that people can tell tokens apart, and 256 bits of chance. */
export function makeTokenText(id: TokenId): string {
  return `hft_${id.slice('tok_'.length)}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
}

/** What the inventory keeps of a token. With 256 bits of chance in it, a slow hash would add nothing. */
export function hashToken(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/**
 * Who sends this request.
 *
 * @throws UNAUTHENTICATED for a missing, malformed, unknown, revoked or expired token, all alike.
 */
export async function authenticate(request: Request, inventory: Inventory): Promise<Caller> {
  const text = /^bearer +(.+)$/i.exec(request.get('Authorization') ?? '')?.[1];
  if (text === undefined) throw unauthenticated('Bearer realm="holdfast"');
  return authenticateHash(request, inventory, TOKEN_PATTERN.test(text) ? hashToken(text) : null);
}

/** As {@link authenticate}, by what the inventory keeps of a token; null for what can be none. @throws UNAUTHENTICATED. */
export async function authenticateHash(request: Request, inventory: Inventory, hash: string | null): Promise<Caller> {
  const caller = hash === null ? null : await findCaller(hash, inventory);
  if (caller === null) throw unauthenticated('Bearer realm="holdfast", error="invalid_token"');
  contextOf(request).tokenId = caller.tokenId;
  return caller;
}

async function findCaller(hash: string, inventory: Inventory): Promise<Caller | null> {
  const token = await inventory.tokens.findByHash(hash);
  if (token === null || token.revokedAt !== null || Date.parse(token.expiresAt) <= Date.now()) return null;
  await inventory.tokens.touch(token);
  return {
    projectId: token.projectId,
    projectName: token.projectName,
    tokenId: token.id,
    tokenName: token.name,
    scopes: token.scopes,
  };
}

function unauthenticated(challenge: string): HoldfastError {
  return new ProblemWithHeaders('UNAUTHENTICATED', {}, { 'WWW-Authenticate': challenge });
}

/** @throws FORBIDDEN when the caller's token lacks the scope. */
export function requireScope(caller: Caller, scope: Scope): void {
  if (!caller.scopes.includes(scope)) throw new HoldfastError('FORBIDDEN', { scope });
}
