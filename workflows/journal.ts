import { CancellationScope, condition, setCurrentDetails } from '@temporalio/workflow';
import type { OperationChange, OperationInput, StepChange, StepState, StepTitle } from '../domain/operations';
import { assertNever } from '../domain/assert-never';
import { journal as activities } from './proxies';

/**
 * Writes an operation's progress to the inventory and to the Temporal Web UI. Writing runs beside the work: changes
 * gather while a write is under way and go together with the next one, in order.
 */
export interface Journal {
  step(stepId: string, state: StepState, error?: string): void;
  operation(change: Omit<OperationChange, 'at'>): void;
  /** Writes the operation's end and waits until everything is written. */
  close(outcome: 'succeeded' | 'cancelled' | 'failed'): Promise<void>;
}

export function openJournal(input: OperationInput, titles: readonly StepTitle[]): Journal {
  const states = new Map<string, StepState>(titles.map(({ id }) => [id, 'pending']));
  let steps: StepChange[] = [];
  let operation: OperationChange | undefined;
  let seq = 0;
  let writing: Promise<void> | undefined;

  const now = (): string => new Date().toISOString();

  async function write(): Promise<void> {
    while (steps.length > 0 || operation) {
      await untilQuiet();
      const record = { operationId: input.operationId, seq: ++seq, steps, ...(operation && { operation }) };
      steps = [];
      operation = undefined;
      await activities.recordOperation(record);
    }
    writing = undefined;
  }

  function changed(): void {
    setCurrentDetails(checklist(titles, states));
    writing ??= CancellationScope.nonCancellable(write);
  }

  function change(next: Omit<OperationChange, 'at'>): void {
    // What was passed and what failed stays true; a reason belongs to its own state only.
    const { pointOfNoReturnPassed, error } = operation ?? {};
    operation = {
      ...(pointOfNoReturnPassed && { pointOfNoReturnPassed }),
      ...(error && { error }),
      ...next,
      at: now(),
    };
    changed();
  }

  return {
    step(stepId, state, error) {
      states.set(stepId, state);
      steps.push({ stepId, state, at: now(), ...(error !== undefined && { error }) });
      changed();
    },
    operation: change,
    async close(outcome) {
      // A failure was told with its reason already.
      if (outcome !== 'failed') change({ state: outcome });
      while (writing) await writing;
    },
  };
}

/**
 * Lets what follows at once happen first: the end of a step and the begin of the next are one record. Conditions are
 * looked at again when no promise is left to go on.
 */
async function untilQuiet(): Promise<void> {
  let quiet = false;
  void Promise.resolve().then(() => {
    quiet = true;
  });
  await condition(() => quiet);
}

/** The steps as the Web UI shows them: a Markdown list. */
function checklist(titles: readonly StepTitle[], states: ReadonlyMap<string, StepState>): string {
  return titles.map(({ id, title }) => `- ${mark(states.get(id) ?? 'pending')} ${title}`).join('\n');
}

function mark(state: StepState): string {
  switch (state) {
    case 'pending':
      return '⬜';
    case 'running':
      return '⏳';
    case 'succeeded':
      return '✅';
    case 'failed':
      return '❌';
    case 'skipped':
      return '➖';
    case 'undoing':
      return '↩️ undoing:';
    case 'undone':
      return '↩️ undone:';
    default:
      return assertNever(state);
  }
}
