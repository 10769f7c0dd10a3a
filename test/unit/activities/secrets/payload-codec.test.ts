import { randomBytes } from 'node:crypto';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload } from '@temporalio/common';
import { createPayloadCodec, isEncrypted } from '../../../../activities/secrets/payload-codec';
import { historyKeysOf } from '../../../support/history-keys';

const [first, second] = [randomBytes(32), randomBytes(32)];
const codec = createPayloadCodec(historyKeysOf(first));
const payload = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);
const values = [{ note: 'the secret' }, null, undefined, 'x', new Uint8Array([1, 2, 3])];
const all = (one: Payload): Buffer =>
  Buffer.concat([...Object.values(one.metadata ?? {}), one.data ?? Buffer.alloc(0)]);

test('what is encoded tells neither its value nor its kind, and is decoded to what it was', async () => {
  const payloads = values.map(payload);
  const encoded = await codec.encode(payloads);
  for (const one of encoded) {
    expect(isEncrypted(one)).toBe(true);
    expect(Object.keys(one.metadata ?? {}).sort()).toEqual(['encoding', 'encryption-key-id']);
    expect(all(one).includes('secret')).toBe(false);
    expect(all(one).includes('json')).toBe(false);
  }
  const decoded = await codec.decode(encoded);
  expect(decoded.map((one) => defaultPayloadConverter.fromPayload(one))).toEqual(values);
  expect(await codec.encode([])).toEqual([]);
});

test('the same value is never encoded to the same', async () => {
  const [one, two] = await codec.encode([payload('x'), payload('x')]);
  expect(one?.data).not.toEqual(two?.data);
});

test('what was never encrypted comes through as it is: older histories go on', async () => {
  const plain = values.map(payload);
  expect(await codec.decode(plain)).toEqual(plain);
});

test('what was encrypted under an older key is decoded, under a stranger’s it is not', async () => {
  const encoded = await codec.encode([payload('old')]);
  const later = createPayloadCodec(historyKeysOf(first, second));
  expect((await later.decode(encoded)).map((one) => defaultPayloadConverter.fromPayload(one))).toEqual(['old']);
  const [fresh] = await later.encode([payload('new')]);
  expect(fresh?.metadata?.['encryption-key-id']).not.toEqual(encoded[0]?.metadata?.['encryption-key-id']);
  await expect(createPayloadCodec(historyKeysOf(second)).decode(encoded)).rejects.toThrow('not of this installation');
});

test('each changed bit shows', async () => {
  const [one] = await codec.encode([payload('x')]);
  const sealed = Buffer.from(one?.data ?? []);
  for (let i = 0; i < sealed.length; i++) {
    const changed = Buffer.from(sealed);
    changed.writeUInt8(changed.readUInt8(i) ^ 1, i);
    await expect(codec.decode([{ ...one, data: changed }])).rejects.toThrow();
  }
});
