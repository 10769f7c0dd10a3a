import { setTimeout as sleep } from 'node:timers/promises';
import { waitWhileItMoves } from '../../../activities/progress';

const STALL_MS = 40;
/** A goal that is looked at for a moment and reached at the nth look. */
const reachedAfter = (looks: number) => async (): Promise<boolean> => {
  await sleep(5);
  return looks-- <= 0;
};
const nothing = (): Promise<void> => Promise.resolve();

test('work that gets on may take much longer than it may stand still', async () => {
  const told: string[] = [];
  let bytes = 0;
  await waitWhileItMoves({
    goal: reachedAfter(20),
    position: () => Promise.resolve(`${++bytes} MiB`),
    stallMs: STALL_MS,
    onMove: (position) => {
      told.push(position);
      return nothing();
    },
  });
  expect(told).toHaveLength(20);
  expect(told.at(-1)).toBe('20 MiB');
});

test('work that stands still is given up, and its last position is told', async () => {
  const stalled = waitWhileItMoves({
    goal: reachedAfter(Infinity),
    position: () => Promise.resolve('12 MiB'),
    stallMs: STALL_MS,
    onMove: nothing,
  });
  await expect(stalled).rejects.toMatchObject({ code: 'STEP_DEADLINE_EXCEEDED', message: /12 MiB/ });
});

test('a position is told once, however often it is seen', async () => {
  const told: string[] = [];
  const positions = ['1', '1', '2', '2', '2'];
  await waitWhileItMoves({
    goal: reachedAfter(5),
    position: () => Promise.resolve(positions.shift() ?? '2'),
    stallMs: 60_000,
    onMove: (position) => {
      told.push(position);
      return nothing();
    },
  });
  expect(told).toEqual(['1', '2']);
});

test('a goal that is reached at once is not looked at any further', async () => {
  const position = jest.fn(() => Promise.resolve(''));
  await waitWhileItMoves({ goal: () => Promise.resolve(true), position, stallMs: 1, onMove: nothing });
  expect(position).not.toHaveBeenCalled();
});
