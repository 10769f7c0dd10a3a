import { HoldfastError } from '../../../domain/errors';
import { ensureHousekeeping } from '../../../workers/housekeeping';

/** The Schedule of the housekeeping, while Temporal answers late or not at all. */

const away = (): Promise<never> => Promise.reject(new HoldfastError('UNAVAILABLE', { part: 'Temporal' }));

test('it is ensured as soon as Temporal answers, and each failure before is told', async () => {
  const told: string[] = [];
  const log = { warn: (_values: unknown, message?: string) => void told.push(message ?? '') };
  let calls = 0;
  const schedules = { ensureHousekeeping: () => (++calls < 3 ? away() : Promise.resolve()) };
  await ensureHousekeeping(schedules, log, new AbortController().signal, 1);
  expect(calls).toBe(3);
  expect(told).toEqual(Array.from({ length: 2 }, () => expect.stringContaining('will be tried again') as string));
});

test('a worker that stops waits for it no longer', async () => {
  const stop = new AbortController();
  const log = { warn: () => stop.abort() };
  await ensureHousekeeping({ ensureHousekeeping: away }, log, stop.signal, 3_600_000);
});
