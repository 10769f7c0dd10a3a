import { table } from '../bench/support/provision-report';
import { median } from '../bench/support/statistics';
import type { Losses } from './negative-control';
import type { RoundResult } from './round';

export interface Run {
  readonly seed: number;
  readonly minutes: number;
  readonly rounds: readonly RoundResult[];
  /** Faults that this machine cannot make; rounds with one of them were passed over. */
  readonly leftOut: readonly LeftOut[];
  /** What the negative control lost; null: it was not reached. */
  readonly losses: Losses | null;
  /** What the run failed at before its end, and why; null: it came to its end. */
  readonly brokenOff: string | null;
}

export interface LeftOut {
  readonly name: string;
  readonly reason: string;
}

/** What is wrong with a run, a sentence each; none: it has passed. */
export function verdictOf({ rounds, losses, brokenOff }: Run): string[] {
  const wrong = rounds.flatMap((round, i) =>
    round.wrong.map((sentence) => `round ${i + 1} (${round.faults}): ${sentence}`),
  );
  if (rounds.length === 0) wrong.push('no fault was made at all');
  if (brokenOff !== null) wrong.push(`it broke off, ${brokenOff}`);
  if (losses === null) return [...wrong, 'the negative control was not passed through'];
  const blind = Object.entries(losses).flatMap(([kind, lost]) => (lost === 0 ? [kind] : []));
  if (blind.length > 0)
    wrong.push(`the negative control lost no ${blind.join(', no ')}: a loss would not have been seen`);
  return wrong;
}

/** The run as Markdown: a line for each kind of round, then what holds for all of them. */
export function reportRun(run: Run): string {
  const { rounds, seed, minutes, leftOut } = run;
  const kinds = [...new Set(rounds.map(({ faults }) => faults))];
  const lines = kinds.map((kind) =>
    lineOf(
      kind,
      rounds.filter(({ faults }) => faults === kind),
    ),
  );
  const wrong = verdictOf(run);
  return [
    `Fault laboratory, seed ${seed}, ${minutes} minutes, ${rounds.length} rounds`,
    table(['fault', 'times', 'write gap, p50', 'max', 'allowed', 'whole again, max', 'verdict'], lines),
    ...leftOut.map(({ name, reason }) => `Left out: ${name}, because ${reason}.`),
    table(['all rounds', ''], totalsOf(run)),
    wrong.length === 0 ? 'Passed.' : `FAILED:\n\n${wrong.map((sentence) => `- ${sentence}`).join('\n')}`,
  ].join('\n\n');
}

function lineOf(faults: string, rounds: readonly RoundResult[]): string[] {
  const gaps = rounds.map(({ gapMs }) => gapMs ?? Infinity);
  const whole = rounds.map(({ wholeMs }) => wholeMs ?? Infinity);
  const passed = rounds.every(({ wrong }) => wrong.length === 0);
  return [
    faults,
    String(rounds.length),
    seconds(median(gaps)),
    seconds(Math.max(...gaps)),
    seconds(rounds[0]?.budgetMs ?? 0),
    seconds(Math.max(...whole)),
    passed ? 'passed' : 'FAILED',
  ];
}

function totalsOf({ rounds, losses }: Run): string[][] {
  const sum = (result: keyof RoundResult['operations']): string =>
    String(rounds.reduce((all, { operations }) => all + operations[result], 0));
  return [
    ['operations acknowledged', sum('ok')],
    ['… failed', sum('fail')],
    ['… of unknown outcome', sum('unknown')],
    ['negative control: acknowledged rows lost', String(losses?.rows ?? 'not reached')],
    ['… registers that went back', String(losses?.registers ?? 'not reached')],
    ['… losses found in lists', String(losses?.lists ?? 'not reached')],
  ];
}

const seconds = (ms: number): string => (ms === Infinity ? 'never' : `${(ms / 1000).toFixed(1)} s`);
