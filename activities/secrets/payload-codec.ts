import type { Payload, PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { decrypt, encrypt } from './cipher';
import type { HistoryKeys } from './history-keys';

/**
 * Encrypts what workflows and activities are given, return and throw before Temporal's server sees it. What is not
 * encrypted comes through as it is: histories that were written without the codec go on.
 */

const { Payload: Message } = temporal.api.common.v1;

/** The name that Temporal's own samples gave it: tools show it. */
const ENCODING = Buffer.from('binary/encrypted');
const KEY_ID = 'encryption-key-id';

/** Decoding throws for a payload whose key is not of this installation, or that was changed. */
export function createPayloadCodec(keys: HistoryKeys): PayloadCodec {
  return {
    async encode(payloads) {
      if (payloads.length === 0) return [];
      const { id, key } = await keys.current();
      return payloads.map((payload) => ({
        metadata: { encoding: ENCODING, [KEY_ID]: Buffer.from(id) },
        data: encrypt(key, contextOf(id), Message.encode(payload).finish()),
      }));
    },
    decode: (payloads) => Promise.all(payloads.map((payload) => decode(keys, payload))),
  };
}

/** True for a payload that a codec of some installation has made. */
export function isEncrypted(payload: Payload): boolean {
  return ENCODING.equals(payload.metadata?.['encoding'] ?? Buffer.alloc(0));
}

async function decode(keys: HistoryKeys, payload: Payload): Promise<Payload> {
  if (!isEncrypted(payload)) return payload;
  const id = Buffer.from(payload.metadata?.[KEY_ID] ?? []).toString('utf8');
  const key = await keys.find(id);
  if (key === null) throw new Error(`a payload was encrypted under the key ${id}, which is not of this installation`);
  return Message.decode(decrypt(key, contextOf(id), Buffer.from(payload.data ?? [])));
}

const contextOf = (id: string): Buffer => Buffer.from(`holdfast history payload ${id}`, 'utf8');
