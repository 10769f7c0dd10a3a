import { keyMismatch, unreachable } from '../../../../activities/host/errors';
import type { Host } from '../../../../activities/host/host';
import { orReplaced } from '../../../../activities/host/replaced';
import { sh } from '../../../../activities/host/shell';

/** What another key at the address of a host means. On real hosts: test/backups/backups.test.ts. */

const failsWith = (error: Error): Host => ({
  label: 'orders/pg-1',
  run: () => Promise.reject(error),
  putFiles: () => Promise.reject(error),
});
const replaced = (is: boolean) => (): Promise<boolean> => Promise.resolve(is);

test('where another host has taken its place it is away, and whoever tries again finds the fresh one', async () => {
  const host = orReplaced(failsWith(keyMismatch('orders/pg-1')), replaced(true));
  const away = {
    code: 'HOST_UNREACHABLE',
    retryable: true,
    message: 'Host orders/pg-1 does not answer over SSH: another host has taken its place.',
  };
  await expect(host.run(sh`true`)).rejects.toMatchObject(away);
  await expect(host.putFiles([])).rejects.toMatchObject(away);
});

test('where it is still the one that is meant nobody talks to it', async () => {
  const host = orReplaced(failsWith(keyMismatch('orders/pg-1')), replaced(false));
  await expect(host.run(sh`true`)).rejects.toMatchObject({ code: 'HOST_KEY_MISMATCH', retryable: false });
  await expect(host.putFiles([])).rejects.toMatchObject({ code: 'HOST_KEY_MISMATCH' });
});

test('what fails for another reason is not asked after', async () => {
  const asked = jest.fn(replaced(true));
  const host = orReplaced(failsWith(unreachable('orders/pg-1', new Error('it is off'))), asked);
  await expect(host.run(sh`true`)).rejects.toMatchObject({ code: 'HOST_UNREACHABLE', values: { detail: 'it is off' } });
  expect(asked).not.toHaveBeenCalled();
});
