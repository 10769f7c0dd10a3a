import { HOLD_S, LEAST_SWITCH_S, leftOfHold, PAUSE_S, RESUME_S } from '../../../../activities/switchover/hold';
import { withinHold } from '../../../../activities/switchover/switch-over';
import { LEASE } from '../../../../activities/patroni/config';
import { HoldfastError } from '../../../../domain/errors';

/** How long clients wait, and how long whoever has them wait may take: the one never outlives the other. */

test('Patroni has what transactions leave of the pause, which is enough; a pause is shorter than its lease', () => {
  expect(PAUSE_S + LEAST_SWITCH_S + RESUME_S).toBeLessThanOrEqual(HOLD_S);
  expect(HOLD_S).toBeLessThan(LEASE.ttl);
  expect(leftOfHold(0, PAUSE_S * 1000)).toBe((HOLD_S - PAUSE_S - RESUME_S) * 1000);
  expect(leftOfHold(0, PAUSE_S * 1000)).toBeGreaterThanOrEqual(LEAST_SWITCH_S * 1000);
});

const codeOf = (acting: Promise<unknown>): Promise<string> =>
  acting.then(
    () => 'none',
    (error: unknown) => (error instanceof HoldfastError ? error.code : String(error)),
  );
/** Of a pause that began so long ago. */
const ago = (seconds: number): number => performance.now() - seconds * 1000;

test('who has not come to an end is not waited for any longer than the pause lasts, though he hangs', async () => {
  const beganAtMs = ago(HOLD_S - RESUME_S - LEAST_SWITCH_S - 0.1);
  let limits = { timeoutMs: 0 };
  const code = await codeOf(
    withinHold(beganAtMs, (given) => {
      limits = given;
      return new Promise(() => undefined);
    }),
  );
  const heldS = (performance.now() - beganAtMs) / 1000;
  expect(code).toBe('NOT_YET');
  expect(heldS).toBeLessThan(HOLD_S);
  expect(limits.timeoutMs).toBeLessThanOrEqual((LEAST_SWITCH_S + 0.1) * 1000);
});

test('what is done in time is done, and what fails fails as it does', async () => {
  expect(await codeOf(withinHold(ago(0), () => Promise.resolve()))).toBe('none');
  const failure = new HoldfastError('SWITCHOVER_FAILED', { detail: 'Patroni says no' });
  await expect(withinHold(ago(0), () => Promise.reject(failure))).rejects.toBe(failure);
});

test('with too little of the pause left nobody asks Patroni at all', async () => {
  const act = jest.fn(() => Promise.resolve());
  expect(await codeOf(withinHold(ago(HOLD_S - RESUME_S - LEAST_SWITCH_S + 0.1), act))).toBe('SWITCHOVER_FAILED');
  expect(act).not.toHaveBeenCalled();
});
