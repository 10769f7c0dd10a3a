import { ENDS_BACKUPS, laneOf, LANES, OPERATION_KINDS } from '../../../domain/operations';

test('backups have a lane of their own; everything else takes its turn', () => {
  expect(OPERATION_KINDS.filter((kind) => laneOf(kind) === 'backup')).toEqual(['backup']);
  for (const kind of OPERATION_KINDS) expect(LANES).toContain(laneOf(kind));
});

test('what ends backups is none itself', () => {
  expect(ENDS_BACKUPS.map(laneOf)).not.toContain('backup');
});
