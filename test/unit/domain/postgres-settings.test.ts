import { PLANS } from '../../../domain/plans';
import { maxConnections, sizeSettings } from '../../../domain/postgres-settings';

const megabytes = (value: string | number | undefined): number => Number(String(value).replace('MB', ''));

test.each(PLANS)('settings of plan $name fit its memory and its disk', (plan) => {
  const settings = sizeSettings(plan, plan.storageBytes);
  const memoryMb = plan.memoryBytes / 1024 ** 2;
  const storageMb = plan.storageBytes / 1024 ** 2;
  expect(megabytes(settings['shared_buffers'])).toBe(memoryMb / 4);
  const workMemMb = Number(String(settings['work_mem']).replace('kB', '')) / 1024;
  expect(workMemMb * maxConnections(plan)).toBeLessThanOrEqual(memoryMb / 2);
  const wal = ['max_wal_size', 'wal_keep_size', 'max_slot_wal_keep_size'].map((name) => megabytes(settings[name]));
  expect(Math.max(...wal)).toBeLessThanOrEqual(storageMb / 4);
  expect(megabytes(settings['min_wal_size'])).toBeLessThanOrEqual(megabytes(settings['max_wal_size']));
});
