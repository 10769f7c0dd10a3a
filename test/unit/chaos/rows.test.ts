import type * as Rows from '../../chaos/rows';
import type { CrashPoint, Execution } from '../../simulation/crash';

/** What a run of the crash matrices draws: little of it in each, all of it in time. */

const EXECUTIONS: Execution[] = Array.from({ length: 20 }, (_, i) => `step-${i}: act`);
const SEEDS = Array.from({ length: 400 }, (_, i) => String(i));

/** As a run has them that is told so. */
function rowsWith(environment: Readonly<Record<string, string>>): typeof Rows {
  jest.resetModules();
  jest.replaceProperty(process, 'env', { ...process.env, HOLDFAST_DRAW: '', ...environment });
  return jest.requireActual<typeof Rows>('../../chaos/rows');
}
afterEach(() => jest.restoreAllMocks());

const named = (rows: readonly CrashPoint[]): string[] => rows.map(({ when, execution }) => `${when} ${execution}`);

test('a twelfth of the executions is drawn, one side of each and in their order; the same seed draws the same', () => {
  const { rowsOf } = rowsWith({ HOLDFAST_TEST_SEED: '7' });
  const rows = rowsOf([...EXECUTIONS, ...EXECUTIONS]);
  const drawn = rows.map(({ execution }) => execution);
  expect(drawn).toHaveLength(2);
  expect(drawn).toEqual(EXECUTIONS.filter((execution) => drawn.includes(execution)));
  const again = rowsWith({ HOLDFAST_TEST_SEED: '7' });
  expect(again.rowsOf(EXECUTIONS)).toEqual(rows);
});

test('of one or two there is always one, of none there is none', () => {
  for (const HOLDFAST_TEST_SEED of SEEDS) {
    const { drawn } = rowsWith({ HOLDFAST_TEST_SEED });
    expect([0, 1, 2].map((count) => drawn(EXECUTIONS.slice(0, count)).length)).toEqual([0, 1, 1]);
  }
});

test('every execution comes on both sides in one run or another, and all of them in one that is asked for all', () => {
  const { rowsOf } = rowsWith({ HOLDFAST_DRAW: 'all' });
  const all = named(rowsOf(EXECUTIONS));
  expect(all).toHaveLength(2 * EXECUTIONS.length);
  const came = new Set<string>();
  for (const HOLDFAST_TEST_SEED of SEEDS)
    for (const row of named(rowsWith({ HOLDFAST_TEST_SEED }).rowsOf(EXECUTIONS))) came.add(row);
  expect([...came].sort()).toEqual(all.sort());
});
