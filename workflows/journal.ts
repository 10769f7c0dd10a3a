import { CancellationScope, condition, setCurrentDetails } from '@temporalio/workflow';
import type {
  OperationChange,
  OperationInput,
  OperationRecord,
  StepChange,
  StepState,
  StepTitle,
} from '../domain/operations';
import { assertNever } from '../domain/assert-never';
import { journal as activities } from './proxies';

type Change = Omit<OperationChange, 'at'>;

/**
 * Writes an operation's progress to the inventory and to the Temporal Web UI. Writing runs beside the work: changes
 * gather while a write is under way and go together with the next one, in order.
 */
export interface Journal {
  step(stepId: string, state: StepState, error?: string): void;
  operation(change: Change): void;
  /** Tells something beside the reason, once: the state stays what it is, and its next record takes this away. */
  remark(text: string): void;
  /** Writes the operation's end, and why where that is nobody's decision, and waits until everything is written. */
  close(outcome: 'succeeded' | 'cancelled' | 'failed', reason?: string | null): Promise<void>;
}

export function openJournal(input: OperationInput, titles: readonly StepTitle[]): Journal {
  const states = new Map<string, StepState>(titles.map(({ id }) => [id, 'pending']));
  const page = openPage();
  let seq = 0;
  let writing: Promise<void> | undefined;

  async function write(): Promise<void> {
    while (!page.isEmpty()) {
      await untilQuiet();
      await activities.recordOperation({ operationId: input.operationId, seq: ++seq, ...page.turn() });
    }
    writing = undefined;
  }

  function changed(): void {
    setCurrentDetails(checklist(titles, states));
    writing ??= CancellationScope.nonCancellable(write);
  }

  return {
    step(stepId, state, error) {
      states.set(stepId, state);
      page.step({ stepId, state, at: now(), ...(error !== undefined && { error }) });
      changed();
    },
    operation(change) {
      page.operation(change);
      changed();
    },
    remark(text) {
      page.remark(text);
      changed();
    },
    async close(outcome, reason = null) {
      // A failure was told with its reason already.
      if (outcome !== 'failed') this.operation({ state: outcome, ...(reason !== null && { reason }) });
      while (writing) await writing;
    },
  };
}

/** Changes that gather until they are written together. */
interface Page extends Pick<Journal, 'operation' | 'remark'> {
  step(change: StepChange): void;
  isEmpty(): boolean;
  /** Gives what has gathered, and begins anew. */
  turn(): Pick<OperationRecord, 'steps' | 'operation'>;
}

function openPage(): Page {
  let steps: StepChange[] = [];
  let operation: OperationChange | undefined;
  let latest: Change = { state: 'running' };
  let remarks: string[] = [];

  function become(next: Change): void {
    // What was passed and what failed stays true; a reason belongs to its own state only.
    const { pointOfNoReturnPassed, error } = operation ?? {};
    latest = next;
    operation = {
      ...(pointOfNoReturnPassed && { pointOfNoReturnPassed }),
      ...(error && { error }),
      ...next,
      at: now(),
    };
  }

  return {
    step: (change) => void steps.push(change),
    operation: become,
    remark(text) {
      remarks.push(text);
      become(latest);
    },
    isEmpty: () => steps.length === 0 && !operation,
    turn() {
      const turned = { steps, ...(operation && { operation: withRemarks(operation, remarks) }) };
      steps = [];
      operation = undefined;
      remarks = [];
      return turned;
    },
  };
}

function withRemarks(change: OperationChange, remarks: readonly string[]): OperationChange {
  if (remarks.length === 0) return change;
  return { ...change, reason: [...(change.reason === undefined ? [] : [change.reason]), ...remarks].join('; ') };
}

const now = (): string => new Date().toISOString();

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
