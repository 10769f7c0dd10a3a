import { ABOUT_BACKUPS, ABOUT_SCRIPTS, previewSteps } from '../../../../api/http/preview-steps';
import { OPERATION_KINDS } from '../../../../domain/operations';
import { stepTitles } from '../../../../workflows/runbooks';
import { HOOKED, POLICY } from '../../../support/lineage';

const notesOf = (...asked: Parameters<typeof previewSteps>): string[] =>
  previewSteps(...asked).flatMap(({ id, note }) => (note === undefined ? [] : `${id}: ${note}`));

test('what is known of steps is of steps that there are', () => {
  const ids = OPERATION_KINDS.flatMap((kind) => stepTitles(kind, 'ha').map(({ id }) => id));
  for (const id of [...ABOUT_BACKUPS.keys(), ...ABOUT_SCRIPTS.keys()]) expect(ids).toContain(id);
});

test('a preview says which steps will have nothing to do', () => {
  expect(notesOf('provision', { plan: 'sandbox', backups: POLICY })).toEqual([]);
  expect(notesOf('provision', { plan: 'sandbox', backups: null })).toEqual([
    'make-the-certificate-authority-and-open-the-archive: nothing to open, it has no backups',
    'declare-the-cluster-ready-and-schedule-its-backups: nothing to schedule, it has no backups',
  ]);
  expect(notesOf('restore', { plan: 'ha-s', backups: null })).toContain(
    'take-the-first-backup: nothing to do, it has no backups',
  );
  expect(notesOf('backup', { plan: 'sandbox', backups: HOOKED })).toEqual([]);
  expect(notesOf('backup', { plan: 'sandbox', backups: { ...HOOKED, hooks: { ...HOOKED.hooks, pre: null } } })).toEqual(
    ['run-the-script-before-it: nothing to do, there is no script'],
  );
});
