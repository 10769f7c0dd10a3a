import { laneOf, OPERATION_KINDS } from '../../../domain/operations';
import type { OperationKind } from '../../../domain/operations';
import { isList, listSteps, step } from '../../../workflows/runbook';
import { RUNBOOKS, stepTitles } from '../../../workflows/runbooks';
import * as workflows from '../../../workflows';

test.each(OPERATION_KINDS)('every step of %s has an id of its own in both topologies', (kind) => {
  for (const topology of ['single', 'ha'] as const) {
    const ids = stepTitles(kind, topology).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9-]{3,60}$/);
  }
});

test.each(OPERATION_KINDS)('the workflow of %s is registered', (kind) => {
  expect(Object.keys(workflows)).toContain(RUNBOOKS[kind].workflow);
});

test('a step waits for attention when it fails, unless it says that it may fail', () => {
  expect(step('copy', () => Promise.resolve())).not.toHaveProperty('mayFail');
  expect(step('copy', () => Promise.resolve(), { mayFail: true }).mayFail).toBe(true);
});

test('a backup or a dump that fails holds up nothing; nearly every other operation waits for somebody', () => {
  const mayFail = (kind: OperationKind): boolean[] => {
    const steps = listSteps(RUNBOOKS[kind].runbook({ topology: 'ha' }));
    return [...new Set(steps.map((step) => step.mayFail ?? false))];
  };
  for (const kind of OPERATION_KINDS) {
    const wanted = laneOf(kind) !== 'cluster' ? [true] : kind === 'restore-dump' ? [true, false] : [false];
    expect([kind, mayFail(kind)]).toEqual([kind, wanted]);
  }
});

/** Steps of these give up, rather than wait for somebody. */
const GIVE_UP: readonly OperationKind[] = [
  'drill',
  'restore-database',
  'switchover',
  'restart-node',
  'reinit-node',
  'replace-node',
  'recover',
  'stop',
];

test('a drill waits for nobody until it has proven something, and takes back what it made; then it goes on to the end', () => {
  const steps = listSteps(RUNBOOKS.drill.runbook({ topology: 'single' }));
  const proof = steps.findIndex(({ id }) => id === 'write-down-that-it-can-be-restored');
  expect(proof).toBeGreaterThan(10);
  expect(steps.map(({ givesUp = false }) => givesUp)).toEqual(steps.map((_, i) => i <= proof));
  for (const kind of OPERATION_KINDS.filter((one) => !GIVE_UP.includes(one))) {
    const others = listSteps(RUNBOOKS[kind].runbook({ topology: 'ha' }));
    expect([kind, others.filter(({ givesUp }) => givesUp)]).toEqual([kind, []]);
  }
});

test('a database is taken out of backups in one go, or not at all; only the taking away waits for somebody', () => {
  const steps = listSteps(RUNBOOKS['restore-database'].runbook({ topology: 'single' }));
  const there = steps.findIndex(({ id }) => id === 'restore-it-into-the-other-cluster');
  expect(there).toBeGreaterThan(10);
  expect(steps.map(({ givesUp = false }) => givesUp)).toEqual(steps.map((_, i) => i <= there));
});

test('a switchover that can not be done leaves the cluster as it was and waits for nobody, until it has switched', () => {
  const steps = listSteps(RUNBOOKS.switchover.runbook({ topology: 'ha' }));
  expect(steps.map(({ givesUp = false }) => givesUp)).toEqual([true, true, true, false]);
});

test.each([
  ['pg-2', 4, 'take-it-out-of-etcd'],
  ['gw-1', 2, 'switch-its-host-off'],
] as const)(
  'until %s has left the cluster its replacement gives up rather than wait; behind that it goes forward',
  (node, upTo, last) => {
    const runbook = RUNBOOKS['replace-node'].runbook({ topology: 'ha', node });
    const steps = listSteps(runbook);
    expect(steps[upTo - 1]?.id).toBe(last);
    expect(steps.map(({ givesUp = false }) => givesUp)).toEqual(steps.map((_, i) => i < upTo));
    expect(steps.filter(({ undo }) => undo)).toEqual([]);
  },
);

test("a cluster is recovered with somebody's approval only; until users are let in a cancel takes the fresh hosts away", () => {
  const runbook = RUNBOOKS.recover.runbook({ topology: 'ha' });
  const steps = listSteps(runbook);
  expect(steps.map(({ approval }) => approval !== undefined)).toEqual(steps.map((_, i) => i === 0));
  expect(steps.map(({ givesUp = false }) => givesUp)).toEqual(steps.map((_, i) => i < 2));
  const lines = isList(runbook) ? runbook : [];
  const end = lines.findIndex((line) => !isList(line) && line.kind === 'pointOfNoReturn');
  const ids = listSteps(lines.slice(0, end)).map(({ id }) => id);
  expect(ids.indexOf('delete-what-is-left-of-the-hosts')).toBe(2);
  expect(ids.at(-1)).toBe('check-the-data');
  expect(ids).not.toContain('open-the-gateways');
});

test.each(['restart-node', 'reinit-node'] as const)(
  'a %s that can not be done waits for nobody, until it is done',
  (kind) => {
    const steps = listSteps(RUNBOOKS[kind].runbook({ topology: 'ha' }));
    expect(steps.map(({ givesUp = false }) => givesUp)).toEqual(steps.map((_, i) => i < steps.length - 1));
  },
);

test('a stop gives up as long as nothing has changed; each of its other steps can be taken back, but for what only looks', () => {
  const steps = listSteps(RUNBOOKS.stop.runbook({ topology: 'ha' }));
  expect(steps.map(({ givesUp = false }) => givesUp)).toEqual(steps.map((_, i) => i < 2));
  const firm = steps.slice(2).filter(({ undo }) => undo === undefined);
  expect(firm.map(({ id }) => id)).toEqual(['archive-the-end-of-the-log']);
});

test('no step that may fail stands behind one that can not be taken back', () => {
  for (const kind of OPERATION_KINDS) {
    const steps = listSteps(RUNBOOKS[kind].runbook({ topology: 'ha' }));
    const firm = steps.findIndex(({ mayFail }) => !mayFail);
    if (firm >= 0) expect([kind, steps.slice(firm).some(({ mayFail }) => mayFail)]).toEqual([kind, false]);
  }
});
