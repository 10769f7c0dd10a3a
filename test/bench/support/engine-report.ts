import type { Machine } from './machine';
import type { IdleCost } from './engine/idle';
import type { ReadTimes } from './engine/reads';
import type { Throughput } from './engine/throughput';
import { ACTIVITIES_PER_STEP, STEPS } from './engine/workflows';
import { machineLine, table } from './provision-report';
import { median, percentile } from './statistics';

/** All that was measured, as it is written to the JSON file. */
export interface EngineResult {
  readonly format: 1;
  readonly machine: Machine;
  readonly clusters: number;
  readonly operations: number;
  readonly reads: readonly ReadTimes[];
  /** null, as no entries in the lists, where only other parts were asked for. */
  readonly idle: IdleCost | null;
  readonly throughput: readonly { readonly server: string; readonly runs: readonly Throughput[] }[];
}

export function reportEngine(result: EngineResult): string {
  const { clusters, operations, reads, idle } = result;
  const rows = [...throughputRows(result), ...(idle ? idleRows(idle) : [])];
  return [
    machineLine(result.machine, 'npm run bench engine'),
    ...(rows.length > 0 ? [table(['what', 'goal', 'measured'], rows)] : []),
    ...(reads.length > 0
      ? [
          `Reads over HTTP with ${count(clusters)} clusters and ${count(operations)} operations in the inventory, four clients at once`,
          table(['what', 'p50', 'p99', 'goal (p99)', 'n'], reads.map(readRow)),
        ]
      : []),
  ].join('\n\n');
}

function throughputRows({ throughput }: EngineResult): string[][] {
  return throughput.flatMap(({ server, runs }) => {
    const perMinute = (run: Throughput): number => (run.operations / run.tookMs) * 60_000;
    const first = runs[0];
    if (!first) return [];
    const slowest = runs.map(({ operationMs }) => Math.max(...operationMs) / median(operationMs));
    const unsuccessful = runs.map(({ states, operations }) => operations - (states['succeeded'] ?? 0));
    const activities = STEPS * ACTIVITIES_PER_STEP;
    return [
      [
        `operations of ${activities} activities per minute, one worker, ${server}`,
        'measured',
        spread(runs.map(perMinute), count),
      ],
      ['… history events of each', '', String(first.eventsPerOperation)],
      ['… CPU time of the worker for each', '', `${(first.workerCpuMs / first.operations).toFixed(0)} ms`],
      [
        '… memory of the worker at the end',
        '<= 300 MB',
        spread(
          runs.map((run) => run.workerMemoryBytes),
          megabytes,
        ),
      ],
      [`${first.operations} operations at once that did not succeed`, '0', String(Math.max(...unsuccessful))],
      ['… the slowest in times of the median', '', spread(slowest, (times) => times.toFixed(2))],
    ];
  });
}

function idleRows({ clusters, minutes, newHistoryEvents, cpuShare, memoryBytes }: IdleCost): string[][] {
  return [
    [`${count(clusters)} idle clusters: new history events in ${minutes} min`, '0', count(newHistoryEvents)],
    [
      '… CPU of worker and API, of one core',
      '<= 5 %',
      `${(Object.values(cpuShare).reduce((sum, share) => sum + share, 0) * 100).toFixed(1)} %`,
    ],
    ...Object.entries(memoryBytes).map(([name, samples]) => [
      `… memory of the ${name}, first and last minute`,
      '<= 300 MB',
      `${megabytes(median(samples.slice(0, 4)))}, ${megabytes(median(samples.slice(-4)))}`,
    ]),
  ];
}

function readRow({ path, tookMs }: ReadTimes): string[] {
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  return [path, ms(median(tookMs)), ms(percentile(tookMs, 0.99)), '50 ms', count(tookMs.length)];
}

function spread(values: readonly number[], show: (value: number) => string): string {
  if (values.length === 1) return show(median(values));
  return `${show(median(values))} (${show(Math.min(...values))} – ${show(Math.max(...values))})`;
}

const count = (value: number): string => Math.round(value).toLocaleString('en-US');
const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
