import type { StepAnswer } from '../../../domain/schemas/operations';
import type { Client } from './client';
import { criticalPath, totalOf, uncovered } from './critical-path';
import type { Call, Interval } from './critical-path';
import type { Spread } from './statistics';
import { median, spreadOf } from './statistics';
import { readWorkerLog } from './worker-log';
import type { WorkerTimes } from './worker-log';

/** One cluster, from the request to the moment at which a client knew that it is ready. */
export interface ProvisionRun extends Interval {
  readonly plan: string;
  readonly tookMs: number;
  readonly steps: readonly StepTimes[];
  readonly share: OwnShare;
  readonly criticalCalls: readonly Call[];
}

/** Of one step, in milliseconds after the request. */
export interface StepTimes {
  readonly title: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** What of a run was the control plane's own, in milliseconds. */
export interface OwnShare {
  /** Wall time without the calls on the critical path. */
  readonly ownMs: number;
  /** Of it, inside of activities: inventory, secrets, certificates. The rest is Temporal, workflow, API and client. */
  readonly insideActivitiesMs: number;
  /** Time without any remote call in progress: what it would be if nobody ever waited in parallel. Never more than ownMs. */
  readonly withoutCallMs: number;
}

export interface Bench {
  readonly client: Client;
  /** Log of the worker, at level debug. */
  readonly workerLog: string;
  readonly say: (line: string) => void;
}

/** Makes `runs` clusters, one after the other, and one before them to warm up. */
export async function measurePlan(bench: Bench, plan: string, runs: number): Promise<ProvisionRun[]> {
  await measureOne(bench, plan, `warm-up-${plan}`);
  const measured: ProvisionRun[] = [];
  for (let run = 1; run <= runs; run++) {
    const result = await measureOne(bench, plan, `bench-${plan}-${run}`);
    bench.say(`${plan} ${run} of ${runs}: ${(result.tookMs / 1000).toFixed(1)} s`);
    measured.push(result);
  }
  return measured;
}

async function measureOne(bench: Bench, plan: string, name: string): Promise<ProvisionRun> {
  const startMs = Date.now();
  const ordered = await bench.client.order(name, plan);
  const operation = await bench.client.finish(ordered);
  await demandReady(bench.client, name);
  const endMs = Date.now();
  await bench.client.remove(name);
  const log = readWorkerLog(bench.workerLog, { id: operation.clusterId, name, operationId: operation.id });
  return {
    ...{ plan, startMs, endMs, tookMs: endMs - startMs },
    steps: operation.steps.map((step) => stepTimes(step, startMs)),
    ...analyse(log, { startMs, endMs }),
  };
}

/** @returns milliseconds from the first request until the last of `count` clusters is ready. */
export async function measureTogether(bench: Bench, plan: string, count: number, round: number): Promise<number> {
  const names = Array.from({ length: count }, (_, index) => `together-${round}-${index + 1}`);
  const startMs = Date.now();
  await Promise.all(
    names.map(async (name) => {
      await bench.client.finish(await bench.client.order(name, plan));
      await demandReady(bench.client, name);
    }),
  );
  const tookMs = Date.now() - startMs;
  for (const name of names) await bench.client.remove(name);
  bench.say(`${count} ${plan} at once, round ${round}: ${(tookMs / 1000).toFixed(1)} s`);
  return tookMs;
}

async function demandReady(client: Client, name: string): Promise<void> {
  const state = await client.stateOf(name);
  if (state !== 'ready') throw new Error(`${name} was made, but is ${state}`);
}

export function analyse(
  { remoteCalls, activities }: WorkerTimes,
  window: Interval,
): Pick<ProvisionRun, 'share' | 'criticalCalls'> {
  const { calls, gaps } = criticalPath(remoteCalls, window);
  const ownMs = totalOf(gaps);
  const betweenActivitiesMs = gaps.reduce((total, gap) => total + uncovered(activities, gap), 0);
  const withoutCallMs = uncovered(remoteCalls, window);
  return { share: { ownMs, insideActivitiesMs: ownMs - betweenActivitiesMs, withoutCallMs }, criticalCalls: calls };
}

function stepTimes({ title, startedAt, finishedAt }: StepAnswer, zeroMs: number): StepTimes {
  const after = (time: string | null): number => (time === null ? NaN : Date.parse(time) - zeroMs);
  return { title, startMs: after(startedAt), endMs: after(finishedAt) };
}

/** Medians of each step over runs of one plan, in the order in which they began. */
export function medianSteps(runs: readonly ProvisionRun[]): StepTimes[] {
  const titles = runs[0]?.steps.map(({ title }) => title) ?? [];
  const steps = titles.map((title) => {
    const same = runs.flatMap((run) => run.steps.filter((step) => step.title === title));
    return { title, startMs: median(same.map((step) => step.startMs)), endMs: median(same.map((step) => step.endMs)) };
  });
  return steps.sort((a, b) => a.startMs - b.startMs);
}

/** How long the critical path was in calls of the same kind, whatever the node: the longest first. */
export function criticalTimes(runs: readonly ProvisionRun[]): { readonly name: string; readonly ms: Spread }[] {
  const kindOf = ({ name }: Call): string => name.replace(/^(\w+)-\d+: /, '');
  const kinds = new Set(runs.flatMap((run) => run.criticalCalls.map(kindOf)));
  const times = Array.from(kinds, (name) => ({
    name,
    ms: spreadOf(runs.map((run) => totalOf(run.criticalCalls.filter((call) => kindOf(call) === name)))),
  }));
  return times.sort((a, b) => b.ms.p50 - a.ms.p50);
}
