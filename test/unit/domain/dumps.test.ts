import type { Dump } from '../../../domain/dumps';
import { dumpsToEvict } from '../../../domain/dumps';

const LIMITS = { kept: 3, perDay: 2 };

const dump = (time: string, state: Dump['state'] = 'succeeded'): Pick<Dump, 'id' | 'state' | 'startedAt'> => ({
  id: `dmp_${time}`,
  state,
  startedAt: `2026-11-${time}:00:00.000Z`,
});

test('what is within the limits stays', () => {
  expect(dumpsToEvict([dump('21T06'), dump('21T05'), dump('20T06')], LIMITS)).toEqual([]);
});

test('the oldest of all goes when there are more than are kept', () => {
  expect(dumpsToEvict([dump('18T06'), dump('21T06'), dump('20T06'), dump('19T06')], LIMITS)).toEqual(['dmp_18T06']);
});

test('the oldest of its day goes when a day has more than it may, and costs no other day its place', () => {
  const dumps = [dump('21T06'), dump('21T05'), dump('21T04'), dump('20T06')];
  expect(dumpsToEvict(dumps, LIMITS)).toEqual(['dmp_21T04']);
});

test.each(['failed', 'running', 'deleting', 'deleted'] as const)('one that is %s neither counts nor goes', (state) => {
  const others = [dump('21T07', state), dump('21T08', state), dump('21T09', state)];
  expect(dumpsToEvict([dump('21T06'), dump('21T05'), dump('20T06'), ...others], LIMITS)).toEqual([]);
});
