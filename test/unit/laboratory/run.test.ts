import type { RoundResult } from '../../laboratory/round';
import type { Parts } from '../../laboratory/run';
import { conduct } from '../../laboratory/run';
import { verdictOf } from '../../laboratory/report';

/** However a run ends, there is a report of it. */

const result = (wholeMs: number | null): RoundResult => ({
  faults: 'kill-etcd',
  budgetMs: 10_000,
  gapMs: 100,
  wholeMs,
  operations: { ok: 1, fail: 0, unknown: 0 },
  wrong: wholeMs === null ? ['it was not whole again'] : [],
});
const LOSSES = { rows: 21, registers: 3, lists: 4 };
const CHOICES = { minutes: 1, seed: 7, fault: 'kill-etcd' };

/** @param ends of rounds: when it was whole again, or what broke it off. */
function parts(...ends: readonly (number | null | Error)[]): Parts<null> & { readonly said: string[] } {
  const [said, left] = [[] as string[], [...ends]];
  return {
    said,
    open: () => Promise.resolve(null),
    findLeftOut: () => Promise.resolve([]),
    makeRound() {
      const end = left.shift();
      return end instanceof Error || end === undefined
        ? Promise.reject(end ?? new Error('over'))
        : Promise.resolve(result(end));
    },
    control: () => Promise.resolve(LOSSES),
    say: (line) => void said.push(line),
  };
}

test('a round that breaks off ends the run, which keeps the rounds before and says why', async () => {
  const run = await conduct(CHOICES, parts(10, 20, new Error('docker is away')));
  expect(run.rounds.map(({ wholeMs }) => wholeMs)).toEqual([10, 20]);
  expect(run).toMatchObject({ losses: null, brokenOff: 'round 3: kill-etcd: docker is away' });
  expect(verdictOf(run)[0]).toBe('it broke off, round 3: kill-etcd: docker is away');
});

test('so does a cluster that cannot be made, and a negative control that breaks off', async () => {
  const open = () => Promise.reject(new Error('no room'));
  expect(await conduct(CHOICES, { ...parts(), open })).toMatchObject({
    rounds: [],
    brokenOff: 'making a cluster: no room',
  });
  const control = () => Promise.reject(new Error('nobody serves'));
  const run = await conduct({ ...CHOICES, minutes: 1e-9 }, { ...parts(10), control });
  expect(run.brokenOff).toMatch(/^negative control: .*: nobody serves$/);
});

test('a round after which the cluster is not whole is the last, without a negative control', async () => {
  const run = await conduct(CHOICES, parts(10, null, 30));
  expect(run.rounds.map(({ wholeMs }) => wholeMs)).toEqual([10, null]);
  expect(run).toMatchObject({ losses: null, brokenOff: null });
  expect(verdictOf(run)[0]).toBe('round 2 (kill-etcd): it was not whole again');
});

test('a run ends with the negative control when its time is over', async () => {
  const slow = parts(10, 20);
  const run = await conduct(
    { ...CHOICES, minutes: 0.001 },
    {
      ...slow,
      makeRound: async (place, round) => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        return slow.makeRound(place, round);
      },
    },
  );
  expect(run).toMatchObject({ rounds: [{ wholeMs: 10 }], losses: LOSSES, brokenOff: null });
});
