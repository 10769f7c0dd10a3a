import type { Host } from '../../../../activities/host/host';
import { waitForOwnBackup } from '../../../../activities/pgbackrest/own-backups';

test('a backup that a host takes by itself is waited for, and that is told', async () => {
  const answers = ['running\n', 'running\n', ''];
  const asked: string[] = [];
  const run: Host['run'] = (_command, { title = '' } = {}) => {
    asked.push(title);
    return Promise.resolve(answers.shift() ?? '');
  };
  let told = 0;
  await waitForOwnBackup({ run }, () => Promise.resolve(void (told += 1)));
  expect([asked.length, told]).toEqual([3, 2]);
});
