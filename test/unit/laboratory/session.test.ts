import { DatabaseError } from 'pg';
import { resultOfError } from '../../laboratory/load/session';

const refusal = (code: string): DatabaseError => Object.assign(new DatabaseError('refused', 0, 'error'), { code });

test('what failed before anything could commit was not done, however it failed', () => {
  expect(resultOfError(new Error('Connection terminated'), false)).toBe('fail');
  expect(resultOfError(refusal('57P01'), false)).toBe('fail');
});

test('a commit whose answer is lost is unknown', () => {
  expect(resultOfError(new Error('Query read timeout'), true)).toBe('unknown');
  expect(resultOfError(new Error('Connection terminated unexpectedly'), true)).toBe('unknown');
});

test.each([
  ['40001', 'fail', 'a conflict'],
  ['23505', 'fail', 'a row that is there'],
  ['25006', 'fail', 'a server that only reads'],
  ['40003', 'unknown', 'a server that does not know itself'],
  ['57P01', 'unknown', 'a server that is told to stop'],
  ['57P02', 'unknown', 'a server that crashed'],
  ['08P01', 'unknown', "PgBouncer's, when it loses the server"],
  ['XX000', 'unknown', 'anything else'],
])('a commit that ends with %s is "%s": %s', (code, result) => {
  expect(resultOfError(refusal(code), true)).toBe(result);
});
