import { setTimeout as pause } from 'node:timers/promises';
import type { Acknowledged } from './checks/primaries';
import { checkPrimaries } from './checks/primaries';
import { sentencesOf } from './checks/round';
import { CALM_MS, makeFaults } from './course';
import type { Round } from './faults/draw';
import { budgetOf, nameOf } from './faults/draw';
import { setScene } from './faults/scene';
import { untilAllWell } from './health';
import { inspect } from './inspection';
import type { Laboratory } from './laboratory';
import { lookAgain } from './laboratory';
import type { Done, Result } from './load/history';
import { startLoad, writeGap } from './load/load';
import { startProbe } from './probe';

export interface RoundResult {
  readonly faults: string;
  readonly budgetMs: number;
  /** Null: nobody could write any more. */
  readonly gapMs: number | null;
  /** From the healing until all clients were served, and all of the cluster and the control plane was well; null: it never was. */
  readonly wholeMs: number | null;
  readonly operations: Readonly<Record<Result, number>>;
  /** A sentence each. */
  readonly wrong: readonly string[];
}

const WHOLE_MS = 120_000;
/** What a busy machine takes until a write is acknowledged again; the gap tells whether that was too long. */
const PATIENCE_MS = 180_000;

/** One round: load, faults, healing, and a look at all that is left. @throws when no fault could be made: nobody was served before. */
export async function runRound(laboratory: Laboratory, round: Round): Promise<RoundResult> {
  const ha = await lookAgain(laboratory);
  const { random, numbers, record } = laboratory;
  const scene = await setScene(ha, random);
  record({ kind: 'scene', primary: scene.primary.name, gateway: scene.gateway.name });
  const load = await startLoad({ credentials: ha.credentials, numbers, record });
  const probe = startProbe(ha, (write) => record({ ...write, kind: 'probe' }));
  const untilServed = (): Promise<void> => load.untilAllWork(PATIENCE_MS);
  const untilWell = (): Promise<unknown> => untilAllWell(ha, WHOLE_MS);
  const course = await untilServed()
    .then(() => pause(CALM_MS))
    .then(() => makeFaults({ where: scene, faults: round, record, untilServed, untilWell }))
    .finally(() => Promise.all([load.stop(), probe.stop()]));
  const gapMs = writeGap(load.history, course.from, course.to);
  const wrong = [
    ...course.wrong,
    ...judgeTimes(round, gapMs, course.wholeMs),
    ...judgePrimaries(laboratory, probe.acknowledged),
    ...(await judgeData(laboratory, load.history)),
  ];
  return {
    faults: nameOf(round),
    budgetMs: budgetOf(round),
    gapMs: gapMs === Infinity ? null : gapMs,
    wholeMs: course.wholeMs,
    operations: count(load.history),
    wrong,
  };
}

function judgeTimes(round: Round, gapMs: number, wholeMs: number | null): string[] {
  const wrong: string[] = [];
  if (gapMs > budgetOf(round)) wrong.push(`nobody could write for ${inSeconds(gapMs)} s`);
  if (wholeMs !== null && wholeMs > WHOLE_MS) wrong.push(`it was whole again after ${inSeconds(wholeMs)} s only`);
  return wrong;
}

function judgePrimaries(laboratory: Laboratory, acknowledged: readonly Acknowledged[]): string[] {
  const all = [...(laboratory.newest ? [laboratory.newest] : []), ...acknowledged];
  laboratory.newest = all.reduce<Acknowledged | null>(
    (newest, write) => (newest && newest.endedAt > write.endedAt ? newest : write),
    null,
  );
  return [...(acknowledged.length === 0 ? ['no data node took a write of its own'] : []), ...checkPrimaries(all)];
}

/** Where nobody is served nothing can be read: what was seen of the round until then counts all the same. */
const judgeData = (laboratory: Laboratory, history: readonly Done[]): Promise<string[]> =>
  inspect(laboratory, history).then(sentencesOf, (error: unknown) => [
    `what is left could not be read: ${String(error)}`,
  ]);

function count(history: readonly Done[]): RoundResult['operations'] {
  const withResult = (wanted: Result): number => history.filter(({ result }) => result === wanted).length;
  return { ok: withResult('ok'), fail: withResult('fail'), unknown: withResult('unknown') };
}

const inSeconds = (ms: number): string => (ms / 1000).toFixed(1);
