import { hkdfSync } from 'node:crypto';
import { z } from 'zod';
import { decrypt, encrypt, KEY_BYTES } from '../../activities/secrets/cipher';
import type { HistoryKeys } from '../../activities/secrets/history-keys';

/**
 * What a browser keeps after an operator has signed in for the Temporal Web UI: which token it was (by its hash) and
 * until when, sealed. It opens the codec endpoint only and is of no use as a token: browsers send cookies to every port
 * of a machine. The token is looked up again at each request, so that revoking it ends the session.
 */
export interface CodecSession {
  /** As the inventory keeps it. */
  readonly tokenHash: string;
  /** Milliseconds since 1970. */
  readonly untilMs: number;
}

export const SESSION_COOKIE = 'holdfast_codec';
const LIFE_MS = 12 * 3600 * 1000;
const sessionSchema = z.object({ tokenHash: z.string(), untilMs: z.number() });

export async function sealSession(keys: HistoryKeys, tokenHash: string, nowMs = Date.now()): Promise<string> {
  const { id, key } = await keys.current();
  const session: CodecSession = { tokenHash, untilMs: nowMs + LIFE_MS };
  return `${id}.${encrypt(sessionKey(key), context(id), Buffer.from(JSON.stringify(session))).toString('base64url')}`;
}

/** @returns null for what is no session of this installation, or is over. */
export async function openSession(keys: HistoryKeys, text: string, nowMs = Date.now()): Promise<CodecSession | null> {
  const [id = '', sealed = ''] = text.split('.');
  const key = await keys.find(id);
  if (key === null) return null;
  try {
    const opened = decrypt(sessionKey(key), context(id), Buffer.from(sealed, 'base64url'));
    const session = sessionSchema.parse(JSON.parse(opened.toString('utf8')));
    return session.untilMs > nowMs ? session : null;
  } catch {
    return null; // Made up or changed.
  }
}

const context = (id: string): Buffer => Buffer.from(`holdfast codec session ${id}`);

/** Not the key of the payloads itself: a payload must never pass for a session. */
const sessionKey = (key: Buffer): Buffer =>
  Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), 'holdfast codec session', KEY_BYTES));
