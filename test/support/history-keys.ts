import { keyIdOf } from '../../activities/secrets/envelope';
import type { HistoryKeys } from '../../activities/secrets/history-keys';

/** Keys of histories without an inventory; the last one is the current one. */
export function historyKeysOf(...keys: Buffer[]): HistoryKeys {
  const known = keys.map((key) => ({ id: keyIdOf(key), key }));
  return {
    find: (id) => Promise.resolve(known.find((one) => one.id === id)?.key ?? null),
    current: () => {
      const newest = known.at(-1);
      return newest === undefined ? Promise.reject(new Error('no key')) : Promise.resolve(newest);
    },
  };
}
