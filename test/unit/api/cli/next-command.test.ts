import { ApiError } from '../../../../api/cli/client';
import { toType } from '../../../../api/cli/called-as';
import { explainError } from '../../../../api/cli/errors';
import { EXIT } from '../../../../api/cli/exit';
import { nextCommand } from '../../../../api/cli/next-command';
import { type Running, runningOf, typedWith } from '../../../../api/cli/running';
import { createProgram } from '../../../../api/cli/run';
import { ERRORS, type ErrorCode } from '../../../../domain/errors';
import type { Problem } from '../../../../domain/schemas/problems';

/** What the command says to type next after the API said no. */

const refusal = (code: ErrorCode, instance: string, more: Partial<Problem> = {}): ApiError =>
  new ApiError(
    {
      code,
      instance,
      type: '',
      title: '',
      status: ERRORS[code].status,
      detail: '',
      requestId: '',
      retryable: false,
      docUrl: '',
      ...more,
    },
    { url: '', tokenSource: null },
  );

/** As commander gives it to what runs, without running it. */
async function running(...typed: string[]): Promise<Running> {
  const program = createProgram();
  let found: Running | null = null;
  program.hook('preAction', (_program, command) => {
    found = runningOf(command, typed);
    throw new Error('enough');
  });
  await program.parseAsync(['node', 'holdfast', ...typed]).catch(() => undefined);
  if (found === null) throw new Error(`no command: ${typed.join(' ')}`);
  return found;
}

describe('whoever has to confirm types the same line again', () => {
  const mismatch = refusal('CONFIRMATION_MISMATCH', '/v1/clusters/shop/restores/in-place');
  const TIME = '2026-11-21T08:00:00+01:00';

  test.each([
    ['without a confirmation', ['restore', 'in-place', 'shop', '--time', TIME, '--wait']],
    ['with another one', ['restore', 'in-place', 'shop', '--confirm', 'shopp', '--time', TIME, '--wait']],
    ['with another one behind =', ['restore', 'in-place', 'shop', '--time', TIME, '--confirm=shopp', '--wait']],
  ])('%s', async (_how, typed) => {
    const again = `restore in-place shop --time ${TIME} --wait --confirm shop`;
    expect(nextCommand(mismatch, await running(...typed))).toBe(toType(again));
  });

  test('quoted for a shell, with what stands before the command', async () => {
    const typed = ['-o', 'json', '--url', 'http://api:1', 'restore', 'in-place', 'shop', '--point', "before 'that'"];
    const again = `-o json --url http://api:1 restore in-place shop --point 'before '\\''that'\\''' --confirm shop`;
    expect(nextCommand(mismatch, await running(...typed))).toBe(toType(again));
  });

  test('of a cluster that was named by its id, the name is left to be typed', async () => {
    const byId = refusal('CONFIRMATION_MISMATCH', '/v1/clusters/clu_1');
    const typed = await running('cluster', 'delete', 'clu_1', '--wait');
    expect(nextCommand(byId, typed)).toBe(toType('cluster delete clu_1 --wait --confirm NAME'));
  });
});

test('an option is put before what is passed on to another program', () => {
  const typed = ['psql', 'shop', '--', '--url', 'x'];
  expect(typedWith({ words: 'psql', typed, options: {} }, '--url', 'http://a')).toBe(
    toType('psql shop --url http://a -- --url x'),
  );
});

describe('who looks for what is not there is told where the others are', () => {
  const restore = '/v1/clusters/shop/restores';
  test.each([
    ['backup', 'bkp_nope', `${restore}/in-place`, 'backup list shop'],
    ['backup', 'bkp_nope', restore, 'backup list shop'],
    ['drill', 'drl_nope', '/v1/clusters/shop/drills/drl_nope', 'drill list shop'],
    ['cluster', 'nosuch', '/v1/dumps/dmp_1/restores', 'cluster list'],
    ['dump', 'dmp_nope', '/v1/dumps/dmp_nope/restores', 'dump list'],
    ['deleted cluster', 'shop', '/v1/clusters/shop/undelete', 'cluster list --deleted'],
    ['operation', 'op_nope', '/v1/operations/op_nope', 'ops list'],
    ['host', 'h', '/v1/hosts/h', 'host list'],
    ['floating address', 'a', '/v1/floating-addresses/a', 'address list'],
    ['token', 'tok_nope', '/v1/tokens/tok_nope', 'token list'],
  ])('%s %s at %s', (kind, ref, instance, next) => {
    expect(nextCommand(refusal('NOT_FOUND', instance, { missing: { kind, ref } }), null)).toBe(toType(next));
  });

  test('a cluster that was deleted is brought back, whichever the request was about', () => {
    const gone = { missing: { kind: 'cluster', ref: 'old' }, cluster: '/v1/clusters/clu_1' };
    expect(nextCommand(refusal('NOT_FOUND', '/v1/dumps/dmp_1/restores', gone), null)).toBe(
      toType('cluster undelete old'),
    );
  });

  test.each([
    [['--point', 'nope'], 'restore point list shop'],
    [['--backup', 'bkp_1'], 'backup list shop'],
    [['--time', '2026-11-21T08:00Z'], 'restore window shop'],
    [[], 'restore window shop'],
  ])('a restore to %j that can not be', async (target, next) => {
    const typed = await running('restore', 'create', 'shop', 'x', ...target);
    expect(nextCommand(refusal('RESTORE_TARGET_OUTSIDE', restore), typed)).toBe(toType(next));
  });
});

test('what takes a name that is taken is shown the names, or the same line with another one', async () => {
  const points = refusal('RESTORE_POINT_EXISTS', '/v1/clusters/shop/restore-points');
  expect(nextCommand(points, null)).toBe(toType('restore point list shop'));
  const typed = await running('dump', 'restore', 'dmp_1', '--cluster', 'other', '--wait');
  expect(nextCommand(refusal('DATABASE_EXISTS', '/v1/dumps/dmp_1/restores'), typed)).toBe(
    `${toType('dump restore dmp_1 --cluster other --wait --database NEW_NAME')} (or --replace, to drop the one that is there)`,
  );
});

test('old data in the way is looked at, before it is put back or deleted for good', () => {
  const kept = refusal('OLD_DATA_KEPT', '/v1/clusters/shop/restores/in-place');
  expect(nextCommand(kept, null)).toBe(toType('restore kept shop'));
});

describe('what is said', () => {
  /** @returns the exit code, and all that was said. */
  function explained(error: ApiError, typed: Running | null = null): [number, string] {
    const said: string[] = [];
    const write = jest.spyOn(process.stderr, 'write').mockImplementation((text) => said.push(String(text)) > 0);
    try {
      return [explainError(error, 'table', typed), said.join('')];
    } finally {
      write.mockRestore();
    }
  }

  test('names fields by their options', () => {
    const exists = refusal('DATABASE_EXISTS', '', { detail: 'give another name as `database`, or set `replace`' });
    expect(explained(exists)[1]).toContain('give another name as --database, or set --replace\n');
    const mismatch = refusal('CONFIRMATION_MISMATCH', '', { detail: '`confirm` must be the name, see `npm start`' });
    expect(explained(mismatch)[1]).toContain(': --confirm must be the name, see `npm start`\n');
  });

  test('a target that cannot be restored is wrong input, as other wrong input is', () => {
    expect(explained(refusal('RESTORE_TARGET_OUTSIDE', ''))[0]).toBe(EXIT.usage);
    expect(explained(refusal('VALIDATION_FAILED', ''))[0]).toBe(EXIT.usage);
    expect(explained(refusal('IDEMPOTENCY_KEY_REUSED', ''))[0]).toBe(EXIT.conflict);
  });
});
