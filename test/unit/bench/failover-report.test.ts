import type { FailoverResult } from '../../bench/support/failover-report';
import { reportFailover } from '../../bench/support/failover-report';

const RESULT: FailoverResult = {
  format: 1,
  machine: { cores: 2, processor: 'a CPU', memoryGib: 24, commit: 'abc', at: '2026-11-20T21:00:00Z' },
  powerMs: [3_000, 4_000, 3_500],
  powerAloneMs: [24_000],
  postmasterMs: [],
  switchovers: [{ pooledErrors: 0, pooledMs: 1_700, directMs: 2_900 }],
  gatewayMs: [2_000],
  redundancy: {
    standbyMs: [38_000],
    primaryMs: [41_000],
    large: { bytes: 5.1e9, standbyMs: [90_000, 95_000], copyMs: [60_000, 70_000] },
  },
  acknowledged: 5_000,
  lost: 0,
};

test('goals stand beside figures, what was not measured is left out, and losses are counted', () => {
  expect(reportFailover(RESULT)).toMatchInlineSnapshot(`
    "2 cores (a CPU), 24 GiB, commit abc, 2026-11-20, by \`npm run bench failover\`

    | what                                                    | goal       | p50    | p95   | min – max       | n   |
    | ------------------------------------------------------- | ---------- | ------ | ----- | --------------- | --- |
    | the host of the primary loses power: write gap          | p95 <= 5 s | 3.5 s  | 4.0 s | 3.0 s – 4.0 s   | 3   |
    | … Patroni alone (control plane off), same hosts         | <= 26 s    | 24.0 s |       | 24.0 s – 24.0 s | 1   |
    | switchover: longest stall on 6432                       | <= 2 s     | 1.7 s  |       | 1.7 s – 1.7 s   | 1   |
    | … errors on 6432                                        | 0          | 0      |       | 0 – 0           | 1   |
    | … longest stall on 5432                                 | <= 3.5 s   | 2.9 s  |       | 2.9 s – 2.9 s   | 1   |
    | the gateway that serves loses power: write gap          | <= 3 s     | 2.0 s  |       | 2.0 s – 2.0 s   | 1   |
    | a standby is gone with its volume: full redundancy back | <= 45 s    | 38.0 s |       | 38.0 s – 38.0 s | 1   |
    | … the primary                                           | <= 45 s    | 41.0 s |       | 41.0 s – 41.0 s | 1   |
    | … a standby, 5.1 GB                                     |            | 92.5 s |       | 90.0 s – 95.0 s | 2   |
    | … \`pg_basebackup\` alone of as much                      |            | 65.0 s |       | 60.0 s – 70.0 s | 2   |
    | … longer than that (its p50)                            | <= 30 s    | 27.5 s |       | 25.0 s – 30.0 s | 2   |
    | acknowledged writes lost, of all                        | 0          | 0      |       | of 5000         |     |

    p95 is by the nearest rank: of fewer than 20 runs it is the longest."
  `);
});
