import type { OperationKind } from '../../../domain/operations';
import { RUNBOOKS, stepTitles } from '../../../workflows/runbooks';
import * as workflows from '../../../workflows';

const KINDS: OperationKind[] = ['provision', 'delete'];

test.each(KINDS)('every step of %s has an id of its own in both topologies', (kind) => {
  for (const topology of ['single', 'ha'] as const) {
    const ids = stepTitles(kind, topology).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9-]{3,60}$/);
  }
});

test.each(KINDS)('the workflow of %s is registered', (kind) => {
  expect(Object.keys(workflows)).toContain(RUNBOOKS[kind].workflow);
});
