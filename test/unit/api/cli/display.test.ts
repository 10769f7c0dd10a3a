import { stripVTControlCharacters } from 'node:util';
import { passLine, withoutConnectionSettings } from '../../../../api/cli/connect';
import { toType } from '../../../../api/cli/called-as';
import { ApiError } from '../../../../api/cli/client';
import { CliError } from '../../../../api/cli/exit';
import { apply, isLostConnection } from '../../../../api/cli/follow';
import { lineOf } from '../../../../api/cli/lines';
import { duration } from '../../../../api/cli/output';
import { treeLines } from '../../../../api/cli/tree';
import type { OperationAnswer, OperationEventAnswer, StepAnswer } from '../../../../domain/schemas/operations';

const at = '2026-11-20T14:00:00.000Z';
const step = (id: string, change: Partial<StepAnswer> = {}): StepAnswer => ({
  id,
  title: `do ${id}`,
  state: 'pending',
  attempt: 0,
  startedAt: null,
  finishedAt: null,
  lastError: null,
  nextRetryAt: null,
  progress: null,
  ...change,
});
const operation: OperationAnswer = {
  id: 'op_1',
  kind: 'provision',
  clusterId: 'clu_1',
  clusterName: 'shop',
  generation: 1,
  state: 'running',
  reason: null,
  error: null,
  cause: 'user',
  requestedBy: 'me',
  cancelable: true,
  pointOfNoReturnPassed: false,
  currentStep: null,
  steps: [step('a'), step('b')],
  createdAt: at,
  startedAt: at,
  finishedAt: null,
  links: { self: '', events: '', cluster: '', temporal: null },
};
const event = (type: 'step' | 'operation', body: Record<string, unknown>): OperationEventAnswer => ({
  seq: 1,
  operationId: 'op_1',
  at,
  type,
  body,
});

test('an event changes its step alone, and an operation keeps its steps', () => {
  const after = apply(operation, event('step', { ...step('b', { state: 'running', attempt: 1 }) }));
  expect(after.steps.map(({ state }) => state)).toEqual(['pending', 'running']);
  expect(after.currentStep).toBe('do b');
  expect(apply(after, event('operation', { state: 'succeeded' }))).toMatchObject({
    state: 'succeeded',
    steps: after.steps,
  });
});

test('a line says time, step and what became of it', () => {
  const running = event('step', { ...step('a', { state: 'running', attempt: 3, lastError: 'refused\nmore' }) });
  expect(lineOf(running, apply(operation, running))).toBe('14:00:00 do a: running, attempt 3: refused');
  const done = event('step', {
    ...step('a', { state: 'succeeded', startedAt: at, finishedAt: '2026-11-20T14:00:01.500Z' }),
  });
  expect(lineOf(done, apply(operation, done))).toBe('14:00:00 do a: succeeded in 1.5 s');
});

test('the tree marks each step, and says how to help an operation that waits', () => {
  const waiting = {
    ...operation,
    state: 'waiting' as const,
    reason: 'needs attention: disk full',
    steps: [step('a', { state: 'succeeded' }), step('b')],
  };
  const lines = treeLines(waiting, '*', Date.parse(at) + 2000).map(stripVTControlCharacters);
  expect(lines).toEqual([
    'provision shop: waiting  2.0 s  needs attention: disk full',
    '  ✔ do a  succeeded',
    '  · do b',
    `  ${toType('ops retry op_1')}, or ${toType('ops cancel op_1')}`,
  ]);
});

test('a password with colons and backslashes survives the password file', () => {
  expect(passLine({ database: 'app', username: 'app', password: 'a:b\\c' })).toBe('*:*:app:app:a\\:b\\\\c\n');
});

test.each([
  [0, '0 ms'],
  [4210, '4.2 s'],
  [185_000, '3 min 5 s'],
])('%i ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test("psql gets none of the user's own settings of where and as whom to connect", () => {
  const mine = { PATH: '/bin', PSQL_PAGER: 'less', PGTZ: 'UTC' };
  const others = { PGPASSWORD: 'x', PGHOSTADDR: '10.0.0.1', PGSERVICE: 's', PGSERVICEFILE: 'f', PGOPTIONS: '-c a=b' };
  expect(withoutConnectionSettings({ ...mine, ...others })).toEqual(mine);
});

test('following goes on after a lost connection and an API that goes down, not after another refusal', () => {
  const problem = (code: string, detail: string): ApiError =>
    new ApiError(
      {
        type: '',
        title: '',
        status: 503,
        detail,
        instance: '',
        code,
        requestId: '',
        retryable: true,
        docUrl: '',
      },
      { url: '', tokenSource: null },
    );
  expect(isLostConnection(new CliError('No answer'))).toBe(true);
  expect(isLostConnection(new TypeError('terminated'))).toBe(true);
  expect(isLostConnection(problem('UNAVAILABLE', 'anything'))).toBe(true);
  expect(isLostConnection(problem('INTERNAL', 'it is not reachable'))).toBe(false);
});
