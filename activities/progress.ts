import type { StepRef } from '../domain/clusters';
import { HoldfastError } from '../domain/errors';
import { nothingTo } from '../domain/step-words';
import type { Fleet } from './fleet';

export interface Movement {
  /** Waits for the goal for some seconds; true when it is reached. */
  readonly goal: () => Promise<boolean>;
  /** Where the work is: any text that changes as it gets on, such as a number of bytes or an LSN. Shown to people. */
  readonly position: () => Promise<string>;
  /** Somebody has to look when the position stays the same for so long. */
  readonly stallMs: number;
  /** Told each new position. */
  readonly onMove: (position: string) => Promise<void>;
}

/**
 * Waits for something that takes as long as there is data: its deadline is renewed whenever it gets on.
 * @throws STEP_DEADLINE_EXCEEDED after `stallMs` without movement; what `goal`, `position` and `onMove` throw.
 */
export async function waitWhileItMoves({ goal, position, stallMs, onMove }: Movement): Promise<void> {
  let last: string | undefined;
  let movedAt = performance.now();
  while (!(await goal())) {
    const now = await position();
    if (now !== last) {
      last = now;
      movedAt = performance.now();
      await onMove(now);
    } else if (performance.now() - movedAt >= stallMs) {
      throw new HoldfastError('STEP_DEADLINE_EXCEEDED', {
        detail: `nothing has moved for ${stallMs / 1000} s: ${now}`,
      });
    }
  }
}

/**
 * Says in the progress of a step that there was nothing to do, or nothing of a part of it.
 *
 * @param why `there is no script`. @param verb what there was nothing to do of: `schedule`; all of the step by default.
 */
export const tellNothing = (
  { inventory }: Pick<Fleet, 'inventory'>,
  at: StepRef,
  why: string,
  verb = 'do',
): Promise<void> => inventory.operations.recordProgress(at.operationId, at.stepId, nothingTo(verb, why));

const PROGRESS_MS = 1_000;

/**
 * Shows a job's newest line as the progress of the step, at most once a second.
 *
 * @param inWords what people want to see of a line; null where it says nothing.
 */
export function progressTo(
  { inventory }: Pick<Fleet, 'inventory'>,
  at: StepRef,
  inWords: (line: string) => string | null,
): (line: string) => void {
  let toldAt = 0;
  return (line) => {
    if (Date.now() - toldAt < PROGRESS_MS) return;
    const text = inWords(line);
    if (text === null) return;
    toldAt = Date.now();
    // Only for people: the job itself goes on.
    inventory.operations.recordProgress(at.operationId, at.stepId, text).catch(() => undefined);
  };
}
