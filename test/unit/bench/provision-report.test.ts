import { reportProvision } from '../../bench/support/provision-report';
import type { ProvisionRun } from '../../bench/support/provision-runs';
import { analyse, criticalTimes, medianSteps } from '../../bench/support/provision-runs';

const run = (tookMs: number): ProvisionRun => ({
  ...{ plan: 'ha-s', startMs: 0, endMs: tookMs, tookMs },
  steps: [
    { title: 'create the hosts', startMs: 100, endMs: 2000 },
    { title: 'declare the cluster ready', startMs: tookMs - 50, endMs: tookMs },
  ],
  share: { ownMs: 1000, insideActivitiesMs: 400, withoutCallMs: 500 },
  criticalCalls: [
    { name: 'pg-1: createHost', startMs: 100, endMs: 1000 },
    { name: 'pg-2: createHost', startMs: 1000, endMs: tookMs },
  ],
});
const ha = [run(10_000), run(30_000), run(20_000)];

test('the report has goals beside results, and machine, steps and calls below', () => {
  const machine = { cores: 2, processor: 'a CPU', memoryGib: 24, commit: 'abc', at: '2026-11-20T21:00:00Z' };
  const others = { togetherCount: 3, togetherMs: [50_000], bareMs: [12_600], sandbox: [run(8000)] };
  const report = reportProvision({ format: 1, machine, ha, ...others });
  expect(report).toMatchInlineSnapshot(`
    "2 cores (a CPU), 24 GiB, commit abc, 2026-11-20, by \`npm run bench provision\`

    | what                                  | goal       | p50    | min – max       | n   |
    | ------------------------------------- | ---------- | ------ | --------------- | --- |
    | POST to \`ready\`, \`sandbox\`            | <= 8 s     | 8.0 s  | 8.0 s – 8.0 s   | 1   |
    | POST to \`ready\`, \`ha-s\`               | <= 20 s    | 20.0 s | 10.0 s – 30.0 s | 3   |
    | 3 \`ha-s\` ordered at once, all ready   |            | 50.0 s | 50.0 s – 50.0 s | 1   |
    | … in times of one                     | <= 2.5     | 2.50   | 2.50 – 2.50     | 1   |
    | control plane's own share (\`ha-s\`)    | <= 10 %    | 5.0 %  | 3.3 % – 10.0 %  | 3   |
    | … of it inside of activities          |            | 2.0 %  | 1.3 % – 4.0 %   | 3   |
    | … no remote call in progress at all   |            | 2.5 %  | 1.7 % – 5.0 %   | 3   |
    | bare script: no TLS, gateways, record | to compare | 12.6 s | 12.6 s – 12.6 s | 1   |

    Where the time of \`ha-s\` goes: medians of each step, in seconds after the request

    | step                      | from | to   | took |                                             |
    | ------------------------- | ---- | ---- | ---- | ------------------------------------------- |
    | create the hosts          | 0.1  | 2.0  | 1.9  | \`████\`                                      |
    | declare the cluster ready | 19.9 | 20.0 | 0.1  | \`                                        █\` |

    What the end of \`ha-s\` had to wait for: calls on the critical path by kind, in seconds

    | call       | p50  | min – max  |
    | ---------- | ---- | ---------- |
    | createHost | 19.9 | 9.9 – 29.9 |"
  `);
});

test('own time is what lies between the calls, inside of activities or not', () => {
  const activities = [{ name: 'createHost', startMs: 1100, endMs: 1400 }];
  const remoteCalls = [{ name: 'pg-1: createHost', startMs: 1200, endMs: 1350 }];
  const { share } = analyse({ remoteCalls, activities }, { startMs: 1000, endMs: 1500 });
  expect(share).toEqual({ ownMs: 350, insideActivitiesMs: 150, withoutCallMs: 350 });
});

test('calls of one kind are added up over the nodes of a run, then compared between runs', () =>
  expect(criticalTimes(ha)).toEqual([{ name: 'createHost', ms: { p50: 19_900, min: 9900, max: 29_900 } }]));

test('steps are the medians over the runs, in the order in which they began', () =>
  expect(medianSteps(ha).map(({ title, startMs }) => [title, startMs])).toEqual([
    ['create the hosts', 100],
    ['declare the cluster ready', 19_950],
  ]));
