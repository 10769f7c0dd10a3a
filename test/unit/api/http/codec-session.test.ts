import { randomBytes } from 'node:crypto';
import { openSession, sealSession } from '../../../../api/http/codec-session';
import { historyKeysOf } from '../../../support/history-keys';

const [first, second] = [randomBytes(32), randomBytes(32)];
const HOUR_MS = 3_600_000;

test('a session lasts for 12 hours, also over a rotation of the key, and is of one installation', async () => {
  const keys = historyKeysOf(first);
  const text = await sealSession(keys, 'hash', 0);
  expect(text).not.toContain('hash');
  expect(await openSession(keys, text, 12 * HOUR_MS - 1)).toMatchObject({ tokenHash: 'hash' });
  expect(await openSession(historyKeysOf(first, second), text, 1)).toMatchObject({ tokenHash: 'hash' });
  expect(await openSession(keys, text, 12 * HOUR_MS)).toBeNull();
  expect(await openSession(historyKeysOf(second), text, 1)).toBeNull();
  for (const other of ['', 'x', 'x.y', `${text}A`, text.split('.')[0] ?? ''])
    expect(await openSession(keys, other, 1)).toBeNull();
});
