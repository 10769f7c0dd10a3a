import { readSelection, sum, tallyOf } from '../../../infra/local/suite';

const result = { numPassedTests: 5, numFailedTests: 0, numRuntimeErrorTestSuites: 0, success: true };

test('counts come from what Jest wrote', () => {
  expect(tallyOf({ ...result, numFailedTests: 2, success: false })).toEqual({ passed: 5, failed: 2 });
});

test('a suite that could not run counts as one that failed', () => {
  expect(tallyOf({ ...result, numRuntimeErrorTestSuites: 1, success: false })).toEqual({ passed: 5, failed: 1 });
});

test('a failure that stands in no count, and a result that is missing, count as one', () => {
  expect(tallyOf({ ...result, success: false })).toEqual({ passed: 5, failed: 1 });
  expect(tallyOf(null)).toEqual({ passed: 0, failed: 1 });
});

test('tallies add up', () => {
  expect(
    sum([
      { passed: 1, failed: 0 },
      { passed: 2, failed: 3 },
    ]),
  ).toEqual({ passed: 3, failed: 3 });
});

test('the projects are taken out of the arguments, the rest goes to Jest', () => {
  expect(readSelection([])).toEqual({
    projects: ['unit', 'workflow', 'chaos', 'control', 'backups', 'system', 'alone'],
    rest: [],
  });
  expect(readSelection(['--selectProjects', 'system', 'unit', '-t', 'a'])).toEqual({
    projects: ['unit', 'system'],
    rest: ['-t', 'a'],
  });
  expect(readSelection(['--selectProjects', 'unit', 'test/unit/api']).rest).toEqual(['test/unit/api']);
});
