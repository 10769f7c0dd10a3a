import { APPROVAL } from '../../domain/operations';
import { clearScreenDown, cursorTo, moveCursor } from 'node:readline';
import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';
import type { OperationAnswer, StepAnswer } from '../../domain/schemas/operations';
import { toType } from './called-as';
import { operationWords, stepWords } from './lines';
import { duration } from './output';

/** The steps of an operation as a tree that lives on the terminal. */
export interface Tree {
  update(operation: OperationAnswer): void;
  /** Draws it a last time and leaves it there. */
  end(): void;
}

const SPINNER = [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'];
const FRAME_MS = 100;

export function startTree(terminal: WriteStream, first: OperationAnswer): Tree {
  let operation = first;
  let drawn = 0;
  let frame = 0;
  const draw = (): void => {
    const lines = treeLines(operation, SPINNER[frame++ % SPINNER.length] ?? '', Date.now());
    // What has scrolled off the top can't be drawn over: on a low terminal only the last lines live.
    const visible = lines.slice(-Math.max(1, terminal.rows - 1)).map((line) => clip(line, terminal.columns));
    moveCursor(terminal, 0, -drawn);
    cursorTo(terminal, 0);
    clearScreenDown(terminal);
    terminal.write(`${visible.join('\n')}\n`);
    drawn = visible.length;
  };
  const timer = setInterval(draw, FRAME_MS);
  return {
    update: (now) => {
      operation = now;
    },
    end() {
      clearInterval(timer);
      draw();
    },
  };
}

/** One line for the operation, one for each step. Exported for its test. */
export function treeLines(operation: OperationAnswer, spinner: string, nowMs: number): string[] {
  const since = Date.parse(operation.startedAt ?? operation.createdAt);
  const until = operation.finishedAt === null ? nowMs : Date.parse(operation.finishedAt);
  const why = operation.reason === null ? '' : `  ${operation.reason}`;
  const head = `${operationWords(operation)}: ${operation.state}  ${duration(Math.max(0, until - since))}${why}`;
  const steps = operation.steps.map((step) => `  ${mark(step, spinner)} ${step.title}${note(step, nowMs)}`);
  const goOn = operation.reason?.startsWith(APPROVAL) ? 'approve' : 'retry';
  const attention =
    operation.state === 'waiting'
      ? [`  ${toType(`ops ${goOn} ${operation.id}`)}, or ${toType(`ops cancel ${operation.id}`)}`]
      : [];
  return [head, ...steps, ...attention];
}

function mark({ state }: StepAnswer, spinner: string): string {
  switch (state) {
    case 'pending':
      return styleText('dim', '·');
    case 'running':
    case 'undoing':
      return styleText('cyan', spinner);
    case 'succeeded':
      return styleText('green', '✔');
    case 'failed':
      return styleText('red', '✖');
    case 'skipped':
    case 'undone':
      return styleText('dim', '↩');
  }
}

function note(step: StepAnswer, nowMs: number): string {
  if (step.state === 'pending') return '';
  const elapsed =
    step.finishedAt === null && step.startedAt !== null
      ? ` ${duration(Math.max(0, nowMs - Date.parse(step.startedAt)))}`
      : '';
  return styleText('dim', `  ${stepWords(step)}${elapsed}`);
}

/** Cuts a line to the terminal's width: one that wraps would be drawn over wrongly. Colour codes take no room. */
function clip(line: string, columns: number): string {
  let width = 0;
  let text = '';
  for (const part of line.split(/(\x1b\[[0-9;]*m)/)) {
    const isColour = part.startsWith('\x1b');
    text += isColour ? part : [...part].slice(0, Math.max(0, columns - 1 - width)).join('');
    width += isColour ? 0 : [...part].length;
  }
  return text;
}
