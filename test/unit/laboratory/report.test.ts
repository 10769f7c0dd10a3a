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
  losses: { rows: 21, registers: 3, lists: 4 },
  brokenOff: null,
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
    | … registers that went back               | 3   |
    | … losses found in lists                  | 4   |

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

test('a run that was blind to one kind of loss, has no negative control, or made no fault, has failed', () => {
  const losses = { rows: 21, registers: 3, lists: 4 };
  for (const kind of ['rows', 'registers', 'lists'])
    expect(verdictOf({ ...PASSED, losses: { ...losses, [kind]: 0 } })).toEqual([
      expect.stringContaining(`lost no ${kind}:`),
    ]);
  expect(verdictOf({ ...PASSED, losses: null })).toEqual([expect.stringContaining('not passed through')]);
  expect(verdictOf({ ...PASSED, rounds: [] })).toEqual([expect.stringContaining('no fault')]);
});

test('a run that broke off has failed, says at what, and has the table of what came before', () => {
  const brokenOff = 'round 4: kill-etcd: the engine is away';
  const report = reportRun({ ...PASSED, losses: null, brokenOff });
  expect(report).toMatch(/^FAILED:\n\n- it broke off, round 4: kill-etcd: the engine is away$/m);
  expect(report).toMatch(/^\| freeze-primary +\| 2 /m);
});
