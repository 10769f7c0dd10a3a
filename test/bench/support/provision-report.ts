import type { Machine } from './machine';
import { criticalTimes, medianSteps } from './provision-runs';
import type { ProvisionRun, StepTimes } from './provision-runs';
import { median, spreadOf } from './statistics';

/** All that was measured, as it is written to the JSON file. Times in milliseconds. */
export interface ProvisionResult {
  readonly format: 1;
  readonly machine: Machine;
  readonly sandbox: readonly ProvisionRun[];
  readonly ha: readonly ProvisionRun[];
  readonly togetherCount: number;
  readonly togetherMs: readonly number[];
  readonly bareMs: readonly number[];
}

const BAR_WIDTH = 40;
const CALLS_SHOWN = 12;
/** Of a call's name: titles of written files can be long. */
const NAME_WIDTH = 60;

/** The result as Markdown: goals, then where the time goes. */
export function reportProvision(result: ProvisionResult): string {
  return [
    machineLine(result.machine, 'npm run bench provision'),
    table(['what', 'goal', 'p50', 'min – max', 'n'], goalRows(result)),
    'Where the time of `ha-s` goes: medians of each step, in seconds after the request',
    table(['step', 'from', 'to', 'took', ''], stepRows(medianSteps(result.ha))),
    'What the end of `ha-s` had to wait for: calls on the critical path by kind, in seconds',
    table(['call', 'p50', 'min – max'], callRows(result.ha)),
  ].join('\n\n');
}

function goalRows({ sandbox, ha, togetherCount, togetherMs, bareMs }: ProvisionResult): string[][] {
  const tookMs = (runs: readonly ProvisionRun[]): number[] => runs.map((run) => run.tookMs);
  const one = median(tookMs(ha));
  const share = (part: (run: ProvisionRun) => number): number[] => ha.map((run) => part(run) / run.tookMs);
  return [
    row('POST to `ready`, `sandbox`', '<= 8 s', tookMs(sandbox), seconds),
    row('POST to `ready`, `ha-s`', '<= 20 s', tookMs(ha), seconds),
    row(`${togetherCount} \`ha-s\` ordered at once, all ready`, '', togetherMs, seconds),
    row(
      '… in times of one',
      '<= 2.5',
      togetherMs.map((ms) => ms / one),
      (times) => times.toFixed(2),
    ),
    row(
      "control plane's own share (`ha-s`)",
      '<= 10 %',
      share((run) => run.share.ownMs),
      percent,
    ),
    row(
      '… of it inside of activities',
      '',
      share((run) => run.share.insideActivitiesMs),
      percent,
    ),
    row(
      '… no remote call in progress at all',
      '',
      share((run) => run.share.withoutCallMs),
      percent,
    ),
    row('bare script: no TLS, gateways, record', 'to compare', bareMs, seconds),
  ];
}

function row(what: string, goal: string, values: readonly number[], show: (value: number) => string): string[] {
  const { p50, min, max } = spreadOf(values);
  return [what, goal, show(p50), `${show(min)} – ${show(max)}`, String(values.length)];
}

function stepRows(steps: readonly StepTimes[]): string[][] {
  const end = Math.max(...steps.map(({ endMs }) => endMs));
  const column = (ms: number): number => Math.round((ms / end) * BAR_WIDTH);
  return steps.map(({ title, startMs, endMs }) => {
    const bar = '█'.repeat(Math.max(1, column(endMs) - column(startMs)));
    return [title, tenths(startMs), tenths(endMs), tenths(endMs - startMs), `\`${' '.repeat(column(startMs))}${bar}\``];
  });
}

function callRows(runs: readonly ProvisionRun[]): string[][] {
  return criticalTimes(runs)
    .slice(0, CALLS_SHOWN)
    .map(({ name, ms }) => [shorten(name), tenths(ms.p50), `${tenths(ms.min)} – ${tenths(ms.max)}`]);
}

export function machineLine({ cores, processor, memoryGib, commit, at }: Machine, command: string): string {
  return `${cores} cores (${processor}), ${memoryGib} GiB, commit ${commit ?? 'unknown'}, ${at.slice(0, 10)}, by \`${command}\``;
}

/** Columns as wide as their widest cell, so that it reads well on a terminal too. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

const shorten = (name: string): string => (name.length > NAME_WIDTH ? `${name.slice(0, NAME_WIDTH - 1)}…` : name);
const tenths = (ms: number): string => (ms / 1000).toFixed(1);
const seconds = (ms: number): string => `${tenths(ms)} s`;
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
