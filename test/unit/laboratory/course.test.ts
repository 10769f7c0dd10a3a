import type { Making } from '../../laboratory/course';
import { makeFaults } from '../../laboratory/course';

/** What goes wrong in a round is told, and ends neither the round nor the healing of the others. */

const well = (): Promise<void> => Promise.resolve();
const fault = (name: string, healed: string[], inject = well) => ({
  name,
  holdMs: 0,
  async inject() {
    await inject();
    return () => {
      healed.push(name);
      return Promise.resolve();
    };
  },
});

function making(rest: Partial<Making<null>>): Making<null> {
  return { where: null, faults: [], record: () => undefined, untilServed: well, untilWell: well, ...rest };
}

test('where one fault cannot be made the others are healed', async () => {
  const healed: string[] = [];
  const refuses = fault('a', healed, () => Promise.reject(new Error('no such container')));
  const throwsAtOnce = {
    ...fault('b', healed),
    inject: () => {
      throw new Error('no pid file');
    },
  };
  const { wrong, wholeMs } = await makeFaults(making({ faults: [refuses, throwsAtOnce, fault('c', healed)] }));
  expect(healed).toEqual(['c']);
  expect([...wrong].sort()).toEqual(['a could not be made: no such container', 'b could not be made: no pid file']);
  expect(wholeMs).not.toBeNull();
});

test('one that cannot be healed is told, and the others are healed', async () => {
  const healed: string[] = [];
  const stays = { name: 'a', holdMs: 0, inject: () => Promise.resolve(() => Promise.reject(new Error('it stays'))) };
  const { wrong } = await makeFaults(making({ faults: [stays, fault('b', healed)] }));
  expect(wrong).toEqual(['a could not be healed: it stays']);
  expect(healed).toEqual(['b']);
});

test('clients who are not served again are told, and then it is not whole again, however well it looks', async () => {
  const untilServed = () => Promise.reject(new Error('nothing was acknowledged to pooled for 180 s'));
  const { wrong, wholeMs } = await makeFaults(making({ faults: [fault('a', [])], untilServed }));
  expect(wrong).toEqual(['not all clients were served again: nothing was acknowledged to pooled for 180 s']);
  expect(wholeMs).toBeNull();
});

test('what is not well in time is told with what is wrong with it', async () => {
  const untilWell = () => Promise.reject(new Error('gw-2 is silent'));
  const { wrong, wholeMs } = await makeFaults(making({ faults: [fault('a', [])], untilWell }));
  expect(wrong).toEqual(['it was not whole again: gw-2 is silent']);
  expect(wholeMs).toBeNull();
});
