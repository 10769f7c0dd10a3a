import type { Run } from '../../laboratory/report';
import { reportRun, verdictOf } from '../../laboratory/report';
import type { RoundResult } from '../../laboratory/round';

const round = (faults: string, gapMs: number | null, wrong: readonly string[] = []): RoundResult => ({
  faults,
  budgetMs: 15_000,
  gapMs,
  wholeMs: gapMs === null ? null : 8_000,
  operations: { ok: 100, fail: 2, unknown: 1 },
  wrong,
});
const PASSED: Run = {
  seed: 7,
  minutes: 1,
  rounds: [round('kill-etcd', 120), round('freeze-primary', 4_000), round('freeze-primary', 5_000)],
  leftOut: [{ name: 'slow-standby', reason: 'the kernel has no netem' }],
  lostWithoutQuorum: 21,
};

test('a run that passed says so', () => {
  expect(verdictOf(PASSED)).toEqual([]);
  expect(reportRun(PASSED)).toMatchInlineSnapshot(`
    "Fault laboratory, seed 7, 1 minutes, 3 rounds

    | fault          | times | write gap, p50 | max   | allowed | whole again, max | verdict |
    | -------------- | ----- | -------------- | ----- | ------- | ---------------- | ------- |
    | kill-etcd      | 1     | 0.1 s          | 0.1 s | 15.0 s  | 8.0 s            | passed  |
    | freeze-primary | 2     | 4.5 s          | 5.0 s | 15.0 s  | 8.0 s            | passed  |

    Left out: slow-standby, because the kernel has no netem.

    | all rounds                               |     |
    | ---------------------------------------- | --- |
    | operations acknowledged                  | 300 |
    | … failed                                 | 6   |
    | … of unknown outcome                     | 3   |
    | negative control: acknowledged rows lost | 21  |

    Passed."
  `);
});

test('whatever was wrong in a round fails the run, and is told with its round', () => {
  const failed = {
    ...PASSED,
    rounds: [...PASSED.rounds, round('kill-etcd', null, ['row 5 was acknowledged and is lost'])],
  };
  expect(verdictOf(failed)).toEqual(['round 4 (kill-etcd): row 5 was acknowledged and is lost']);
  expect(reportRun(failed)).toMatch(/^\| kill-etcd .* never .*FAILED/m);
});

test('a run whose negative control lost nothing, or was not reached, or that made no fault, has failed', () => {
  expect(verdictOf({ ...PASSED, lostWithoutQuorum: 0 })).toEqual([expect.stringContaining('lost nothing')]);
  expect(verdictOf({ ...PASSED, lostWithoutQuorum: null })).toEqual([expect.stringContaining('not reached')]);
  expect(verdictOf({ ...PASSED, rounds: [] })).toEqual([expect.stringContaining('no fault')]);
});
