import type { Switchover } from './failover/runs';
import type { Machine } from './machine';
import { machineLine, table } from './provision-report';
import { median, percentile, spreadOf } from './statistics';

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
  readonly redundancy: Redundancy;
  /** Writes that were acknowledged through all of it, and those of them that are not there. */
  readonly acknowledged: number;
  readonly lost: number;
}

/** From the loss of a node with its data until there are three copies again. */
export interface Redundancy {
  readonly standbyMs: readonly number[];
  readonly primaryMs: readonly number[];
  /** Null: not asked for. */
  readonly large: Large | null;
}

/** The same with data that takes a while to copy. */
export interface Large {
  readonly bytes: number;
  readonly standbyMs: readonly number[];
  /** pg_basebackup alone. */
  readonly copyMs: readonly number[];
}

/** The result as Markdown. */
export function reportFailover(result: FailoverResult): string {
  const { machine, powerMs, powerAloneMs, postmasterMs, switchovers, gatewayMs, redundancy, acknowledged, lost } =
    result;
  const rows = [
    row('the host of the primary loses power: write gap', 'p95 <= 5 s', powerMs),
    row('… Patroni alone (control plane off), same hosts', '<= 26 s', powerAloneMs),
    row('SIGKILL to the postmaster of the primary: write gap', 'p95 <= 4 s', postmasterMs),
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
    ...redundancyRows(redundancy),
    ['acknowledged writes lost, of all', '0', String(lost), '', `of ${acknowledged}`, ''],
  ];
  return [
    machineLine(machine, 'npm run bench failover'),
    table(
      ['what', 'goal', 'p50', 'p95', 'min – max', 'n'],
      rows.filter((cells) => cells.length > 0),
    ),
    'p95 is by the nearest rank: of fewer than 20 runs it is the longest.',
  ].join('\n\n');
}

function redundancyRows({ standbyMs, primaryMs, large }: Redundancy): string[][] {
  const small = [
    row('a standby is gone with its volume: full redundancy back', '<= 45 s', standbyMs),
    row('… the primary', '<= 45 s', primaryMs),
  ];
  if (!large) return small;
  const copy = median(large.copyMs);
  return [
    ...small,
    row(`… a standby, ${(large.bytes / 1e9).toFixed(1)} GB`, '', large.standbyMs),
    row('… `pg_basebackup` alone of as much', '', large.copyMs),
    row(
      '… longer than that (its p50)',
      '<= 30 s',
      large.standbyMs.map((ms) => ms - copy),
    ),
  ];
}

/** Nothing for what was not measured. The 95th percentile only where the goal is one. */
function row(
  what: string,
  goal: string,
  values: readonly number[],
  show: (value: number) => string = seconds,
): string[] {
  if (values.length === 0) return [];
  const { p50, min, max } = spreadOf(values);
  const p95 = goal.startsWith('p95') ? show(percentile(values, 0.95)) : '';
  return [what, goal, show(p50), p95, `${show(min)} – ${show(max)}`, String(values.length)];
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
