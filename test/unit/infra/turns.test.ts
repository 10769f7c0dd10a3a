import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { projectFile } from '../../../infra/local/project';
import { drawsAll, leftOut, TURNS, withoutFiles } from '../../../infra/local/turns';

/** Which of the long tests a run has: some in each, all of them in time. */

const ALL = TURNS.flatMap(({ of }) => of);
const SEEDS = Array.from({ length: 100 }, (_, i) => i);

test('what comes by turns is there', () => {
  expect(ALL.filter((file) => !existsSync(join(projectFile('test'), file)))).toEqual([]);
  expect(new Set(ALL).size).toBe(ALL.length);
});

test('each run has as many as it takes of each kind, the same seed the same ones', () => {
  for (const seed of SEEDS) {
    const left = leftOut(seed);
    expect(TURNS.map(({ of }) => of.filter((file) => !left.includes(file)).length)).toEqual(
      TURNS.map(({ takes }) => takes),
    );
    expect(leftOut(seed)).toEqual(left);
  }
});

test('each of them has its turn in one run or another', () => {
  const came = new Set(SEEDS.flatMap((seed) => ALL.filter((file) => !leftOut(seed).includes(file))));
  expect([...came].sort()).toEqual([...ALL].sort());
});

test('those that are left out are told to Jest by their whole names, and none of the others', () => {
  expect(withoutFiles([])).toEqual([]);
  const [option, pattern = ''] = withoutFiles(['backups/rescue.test.ts']);
  expect(option).toBe('--testPathIgnorePatterns');
  expect(new RegExp(pattern).test('/x/test/backups/rescue.test.ts')).toBe(true);
  expect(new RegExp(pattern).test('/x/test/backups/rescue.test.tsx')).toBe(false);
});

test('a run that is asked for all leaves none out', () => {
  expect([drawsAll({ HOLDFAST_DRAW: 'all' }), drawsAll({})]).toEqual([true, false]);
});
