import { stripVTControlCharacters } from 'node:util';
import { passLine, uriWithCa, withoutConnectionSettings } from '../../../../api/cli/connect';
import { psqlTo, toType } from '../../../../api/cli/called-as';
import { ApiError } from '../../../../api/cli/client';
import { CliError } from '../../../../api/cli/exit';
import { apply, isLostConnection } from '../../../../api/cli/follow';
import { lineOf, startLines } from '../../../../api/cli/lines';
import { bytes, duration } from '../../../../api/cli/output';
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
  subject: 'shop',
  restores: null,
  generation: 1,
  state: 'running',
  reason: null,
  error: null,
  cause: 'user',
  requestedBy: 'me',
  cancelable: true,
  pointOfNoReturnPassed: false,
  currentStep: null,
  restored: null,
  switchover: null,
  replacement: null,
  recovery: null,
  node: null,
  steps: [step('a'), step('b')],
  createdAt: at,
  startedAt: at,
  finishedAt: null,
  links: { self: '', events: '', cluster: '', temporal: null },
};
const event = (type: OperationEventAnswer['type'], body: Record<string, unknown>): OperationEventAnswer => ({
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

test('what failed a step is said once: tries, the end and who is told refer to it', () => {
  const sentence =
    'No backup was taken: the script before it ended with exit code 3 on pg-1. More stands in backup bkp_1.';
  const failed = { ...step('a', { attempt: 1, lastError: sentence }) };
  const events = [
    event('operation', { state: 'running' }),
    event('step', { ...failed, state: 'running', attempt: 2, nextRetryAt: at }),
    event('step', { ...failed, state: 'running', attempt: 3, nextRetryAt: at }),
    event('operation', { state: 'cancelling', reason: `it failed: ${sentence}` }),
    event('step', { ...failed, state: 'undone' }),
    event('notice', { event: 'failure', message: `The backup of shop failed: ${sentence} It is late.`, told: [] }),
    event('step', { ...step('b', { state: 'running', attempt: 1, lastError: 'refused' }) }),
    event('step', { ...step('b', { state: 'running', attempt: 2, lastError: 'refused' }) }),
  ];
  const late = apply(operation, event('step', failed));
  const lines = startLines();
  expect(events.map((one) => lines(one, apply(late, one))?.slice('14:00:00 '.length))).toEqual([
    'provision shop: running',
    `do a: running, attempt 2, again at 14:00:00: ${sentence}`,
    'do a: running, attempt 3, again at 14:00:00: as above.',
    'provision shop: cancelling (it failed: as above.)',
    'do a: undone: as above.',
    'failure: The backup of shop failed: as above. It is late.',
    'do b: running: refused',
    'do b: running, attempt 2: refused',
  ]);
});

test('a step that found nothing to do says that instead of how long it took, once', () => {
  const ended = { state: 'succeeded' as const, startedAt: at, finishedAt: '2026-11-20T14:00:01.500Z' };
  const lineWith = (progress: string, change: Partial<StepAnswer>): string | null => {
    const told = event('step', { ...step('a', { progress, ...change }) });
    return lineOf(told, apply(operation, told));
  };
  expect(lineWith('nothing to do, there is no script', { state: 'running' })).toBeNull();
  expect(lineWith('nothing to do, there is no script', ended)).toBe('14:00:00 do a: nothing to do, there is no script');
  expect(lineWith('nothing to schedule, it has no backups', ended)).toBe(
    '14:00:00 do a: succeeded in 1.5 s; nothing to schedule, it has no backups',
  );
  expect(lineWith('12 of 40 MB', { state: 'running' })).toBe('14:00:00 do a: running, 12 of 40 MB');
  expect(lineWith('12 of 40 MB', ended)).toBe('14:00:00 do a: succeeded in 1.5 s');
});

test('an operation of a cluster that is thrown away is told by the one that people know', () => {
  const drilled = { ...operation, kind: 'drill' as const, clusterName: 'drill-01m', subject: 'shop' };
  expect(lineOf(event('operation', {}), drilled)).toBe('14:00:00 drill of shop: running');
  expect(lineOf(event('operation', {}), operation)).toBe('14:00:00 provision shop: running');
  expect(treeLines(drilled, '*', Date.parse(at))[0]).toMatch(/^drill of shop: running/);
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

test('the tree says how to approve what waits for it', () => {
  const waiting = { ...operation, state: 'waiting' as const, reason: 'approval: all is lost' };
  const lines = treeLines(waiting, '*', Date.parse(at) + 2000).map(stripVTControlCharacters);
  expect(lines.at(-1)).toBe(`  ${toType('ops approve op_1')}, or ${toType('ops cancel op_1')}`);
});

test('a password with colons and backslashes survives the password file', () => {
  expect(passLine({ username: 'app', password: 'a:b\\c' })).toBe('*:*:*:app:a\\:b\\\\c\n');
});

test('a URI leads to the database that was asked for, whatever characters its name has', () => {
  const uri = 'postgresql://app:a%2Fb%3Fc@[fd00::1]:5432,10.0.0.1:5432/app?sslmode=verify-full';
  const uris = { primary: uri, replica: uri, pooled: uri };
  expect(uriWithCa({ uris }, { port: 'primary', database: 'sales $& 2026/?' }, '/ca')).toBe(
    'postgresql://app:a%2Fb%3Fc@[fd00::1]:5432,10.0.0.1:5432/sales%20%24%26%202026%2F%3F?sslmode=verify-full&sslrootcert=%2Fca',
  );
});

test('the line to type next has the name of a database as a word of the shell', () => {
  expect(psqlTo('shop', 'app_1402')).toBe(toType('psql shop --database app_1402'));
  expect(psqlTo('shop', "it's 2026")).toBe(toType(String.raw`psql shop --database 'it'\''s 2026'`));
});

test.each([
  [0, '0 ms'],
  [4210, '4.2 s'],
  [185_000, '3 min 5 s'],
])('%i ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test.each([
  [0, '0KiB'],
  [1, '1KiB'],
  [169_000, '166KiB'],
  [1024 ** 2, '1MiB'],
  [31_457_280, '30MiB'],
  [1.5 * 1024 ** 3, '1.5GiB'],
])('%i bytes are %s', (count, text) => {
  expect(bytes(count)).toBe(text);
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
