import { ENDS_BACKUPS, EXCLUDES_BACKUPS, laneOf, LANES, OPERATION_KINDS } from '../../../domain/operations';

test('backups have a lane of their own; everything else takes its turn', () => {
  expect(OPERATION_KINDS.filter((kind) => laneOf(kind) === 'backup')).toEqual(['backup']);
  for (const kind of OPERATION_KINDS) expect(LANES).toContain(laneOf(kind));
});

test('no backup is taken while the cluster does not archive into anything yet', () => {
  expect(EXCLUDES_BACKUPS).toContain('begin-backups');
});

test('what ends backups is none itself', () => {
  expect(ENDS_BACKUPS.map(laneOf)).not.toContain('backup');
});
