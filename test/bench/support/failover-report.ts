import type { Switchover } from './failover/runs';
import type { Machine } from './machine';
import { machineLine, table } from './provision-report';
import { spreadOf } from './statistics';

/** All that was measured, as it is written to the JSON file. Times in milliseconds; an empty list: not asked for. */
export interface FailoverResult {
  readonly format: 1;
  readonly machine: Machine;
  readonly powerMs: readonly number[];
  /** Patroni alone. */
  readonly powerAloneMs: readonly number[];
  readonly postmasterMs: readonly number[];
  readonly switchovers: readonly Switchover[];
  readonly gatewayMs: readonly number[];
  /** Writes that were acknowledged through all of it, and those of them that are not there. */
  readonly acknowledged: number;
  readonly lost: number;
}

/** The result as Markdown. */
export function reportFailover(result: FailoverResult): string {
  const { machine, powerMs, powerAloneMs, postmasterMs, switchovers, gatewayMs, acknowledged, lost } = result;
  const rows = [
    row('the host of the primary loses power: write gap', '<= 5 s', powerMs),
    row('… Patroni alone (control plane off), same hosts', '<= 26 s', powerAloneMs),
    row('SIGKILL to the postmaster of the primary: write gap', '<= 4 s', postmasterMs),
    row(
      'switchover: longest stall on 6432',
      '<= 2 s',
      switchovers.map(({ pooledMs }) => pooledMs),
    ),
    row(
      '… errors on 6432',
      '0',
      switchovers.map(({ pooledErrors }) => pooledErrors),
      String,
    ),
    row(
      '… longest stall on 5432',
      '<= 3.5 s',
      switchovers.map(({ directMs }) => directMs),
    ),
    row('the gateway that serves loses power: write gap', '<= 3 s', gatewayMs),
    ['acknowledged writes lost, of all', '0', String(lost), `of ${acknowledged}`, ''],
  ];
  return [
    machineLine(machine, 'npm run bench failover'),
    table(
      ['what', 'goal', 'p50', 'min – max', 'n'],
      rows.filter((cells) => cells.length > 0),
    ),
  ].join('\n\n');
}

/** Nothing for what was not measured. */
function row(
  what: string,
  goal: string,
  values: readonly number[],
  show: (value: number) => string = seconds,
): string[] {
  if (values.length === 0) return [];
  const { p50, min, max } = spreadOf(values);
  return [what, goal, show(p50), `${show(min)} – ${show(max)}`, String(values.length)];
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
