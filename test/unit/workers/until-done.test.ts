import { HoldfastError } from '../../../domain/errors';
import { untilDone } from '../../../workers/until-done';

/** What a worker does when it begins, while the other side answers late or not at all. */

const away = (): Promise<never> => Promise.reject(new HoldfastError('UNAVAILABLE', { part: 'Temporal' }));

test('it is done as soon as the other side answers, and each failure before is told', async () => {
  const told: string[] = [];
  const log = { warn: (_values: unknown, message?: string) => void told.push(message ?? '') };
  let calls = 0;
  const act = (): Promise<void> => (++calls < 3 ? away() : Promise.resolve());
  await untilDone('write down the sites', act, log, new AbortController().signal, 1);
  expect(calls).toBe(3);
  const message = 'cannot write down the sites; it will be tried again';
  expect(told).toEqual([message, message]);
});

test('a worker that stops waits for it no longer', async () => {
  const stop = new AbortController();
  const log = { warn: () => stop.abort() };
  await untilDone('write down the sites', away, log, stop.signal, 3_600_000);
});
