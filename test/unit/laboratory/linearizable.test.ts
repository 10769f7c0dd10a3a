import fc from 'fast-check';
import { checkRegister } from '../../laboratory/checks/linearizable';
import type { Done, RegisterOperation, Result } from '../../laboratory/load/history';

/** Checks the checker: a register that was not one value at a time must not pass. */

type Op = RegisterOperation extends infer Each ? (Each extends unknown ? Omit<Each, 'key'> : never) : never;

const done = (op: Op, beganAt: number, endedAt: number, result: Result = 'ok'): Done<RegisterOperation> => ({
  client: 'one',
  result,
  beganAt,
  endedAt,
  op: { key: 1, ...op },
});
const read = (value: number | null): Op => ({ kind: 'read', value });
const write = (value: number): Op => ({ kind: 'write', value });
const cas = (expected: number, value: number, swapped: boolean | null): Op => ({
  kind: 'cas',
  expected,
  value,
  swapped,
});

test('nothing, and what happens one after the other, is fine', () => {
  expect(checkRegister([])).toBe('linearizable');
  const course = [read(null), write(1), read(1), cas(1, 2, true), read(2), cas(1, 3, false), read(2)];
  expect(checkRegister(course.map((op, i) => done(op, 10 * i, 10 * i + 5)))).toBe('linearizable');
});

test('a read of what had been overwritten before it began is found', () => {
  const stale = [done(write(1), 0, 5), done(write(2), 10, 15), done(read(1), 20, 25)];
  expect(checkRegister(stale)).toBe('not linearizable');
});

test('a write that was acknowledged and is lost is found', () => {
  expect(checkRegister([done(write(1), 0, 5), done(read(null), 10, 15)])).toBe('not linearizable');
});

test('a value that nobody wrote is found', () => {
  expect(checkRegister([done(write(1), 0, 5), done(read(7), 10, 15)])).toBe('not linearizable');
});

test('two swaps of the same value that both succeeded are found', () => {
  const swaps = [done(write(1), 0, 5), done(cas(1, 2, true), 10, 20), done(cas(1, 3, true), 11, 21)];
  expect(checkRegister(swaps)).toBe('not linearizable');
});

test('a swap that was refused though its value stood there is found', () => {
  expect(checkRegister([done(write(1), 0, 5), done(cas(1, 2, false), 10, 15)])).toBe('not linearizable');
});

test('reads may disagree while a write runs, but not go back and forth', () => {
  const running = done(write(2), 10, 50);
  const before = done(write(1), 0, 5);
  expect(checkRegister([before, running, done(read(1), 20, 25), done(read(2), 30, 35)])).toBe('linearizable');
  expect(checkRegister([before, running, done(read(2), 20, 25), done(read(1), 30, 35)])).toBe('not linearizable');
});

test('what is unknown may have happened late, or never; what failed may not', () => {
  const before = done(write(1), 0, 5);
  const later = [done(read(1), 20, 25), done(read(2), 90, 95)];
  expect(checkRegister([before, done(write(2), 10, 15, 'unknown'), ...later])).toBe('linearizable');
  expect(checkRegister([before, done(write(2), 10, 15, 'unknown'), done(read(1), 90, 95)])).toBe('linearizable');
  expect(checkRegister([before, done(write(2), 10, 15, 'fail'), ...later])).toBe('not linearizable');
  expect(checkRegister([before, done(cas(1, 2, null), 10, 15, 'unknown'), ...later])).toBe('linearizable');
});

test('what is unknown happens once: it does not come back after it was overwritten', () => {
  const history = [
    done(write(2), 0, 5, 'unknown'),
    done(read(2), 10, 15),
    done(write(3), 20, 25),
    done(read(2), 30, 35),
  ];
  expect(checkRegister(history)).toBe('not linearizable');
});

/** Operations of three clients on a register that works, each at a moment of its own within its time. */
const histories = fc
  .array(fc.record({ kind: fc.constantFrom('read', 'write'), before: fc.nat(30), after: fc.nat(30) }), {
    maxLength: 60,
  })
  .map((steps) => {
    let value: number | null = null;
    return steps.map(({ kind, before, after }, i) => {
      const moment = 10 * i;
      if (kind === 'write') value = i;
      return done(kind === 'write' ? write(i) : read(value), moment - before, moment + after + 1);
    });
  });

test('a register that works passes, whatever overlaps', () => {
  fc.assert(fc.property(histories, (history) => checkRegister(history) === 'linearizable'));
});

test('a history of a round with many unknown writes is decided soon', () => {
  const unknown = Array.from({ length: 24 }, (_, i) => done(write(1_000 + i), 10 * i, 10 * i + 1, 'unknown'));
  const known = Array.from({ length: 800 }, (_, i) =>
    i % 2 === 0 ? done(write(i), 10 * i, 10 * i + 5) : done(read(i - 1), 10 * i, 10 * i + 5),
  );
  expect(checkRegister([...unknown, ...known])).toBe('linearizable');
});
