import { setTimeout as pause } from 'node:timers/promises';
import type { OwnInstallation } from '../support/own-installation';
import { untilHeard } from '../support/own-installation';
import { login, query } from '../system/support/endpoint';
import type { HaCluster } from '../system/support/ha-cluster';
import { lookAt, untilWhole } from '../system/support/ha-cluster';
import { findLost } from '../system/support/ledger';
import type { Attempt } from '../system/support/ledger';
import type { Acknowledged } from './checks/primaries';
import { checkPrimaries } from './checks/primaries';
import type { Found } from './checks/round';
import { checkRound } from './checks/round';
import type { Round } from './faults/draw';
import { budgetOf, nameOf } from './faults/draw';
import type { Scene } from './faults/fault';
import { setScene } from './faults/scene';
import type { Done, Result } from './load/history';
import { attemptsOf, now, of } from './load/history';
import { startLoad, writeGap } from './load/load';
import { TOTAL } from './load/tables';
import type { Numbers } from './load/works';
import { startProbe } from './probe';

/** Where faults are made: one cluster, and what is remembered of all rounds. */
export interface Laboratory {
  ha: HaCluster<OwnInstallation>;
  /** By the seed: which of several hosts a fault hits. */
  readonly random: () => number;
  readonly numbers: Numbers;
  /** Inserts of all rounds, but for those that are known to be lost. */
  attempts: readonly Attempt[];
  /** The newest write that a data node acknowledged by itself. */
  newest: Acknowledged | null;
  readonly record: (entry: object) => void;
}

export interface RoundResult {
  readonly faults: string;
  readonly budgetMs: number;
  /** Null: nobody could write any more. */
  readonly gapMs: number | null;
  /** From the healing until all of the cluster and the control plane was well; null: it never was. */
  readonly wholeMs: number | null;
  readonly operations: Readonly<Record<Result, number>>;
  /** A sentence each. */
  readonly wrong: readonly string[];
}

const WHOLE_MS = 120_000;
/** What a busy machine takes until a write is acknowledged again; the gap tells whether that was too long. */
const PATIENCE_MS = 180_000;
/** Load before the first fault, and after the last. */
const CALM_MS = 1_500;

/** One round: load, faults, healing, and a look at all that is left. */
export async function runRound(laboratory: Laboratory, round: Round): Promise<RoundResult> {
  // Hosts may have been replaced since the last one.
  laboratory.ha = await lookAt(laboratory.ha.holdfast, laboratory.ha.provision);
  const { ha, random, numbers, record } = laboratory;
  const scene = await setScene(ha, random);
  const load = await startLoad({ credentials: ha.credentials, numbers, record });
  const probe = startProbe(ha, (write) => record({ ...write, kind: 'probe' }));
  const course = await load
    .untilAllWork(PATIENCE_MS)
    .then(() => pause(CALM_MS))
    .then(() => makeFaults(scene, round, record, () => load.untilAllWork(PATIENCE_MS)))
    .finally(() => Promise.all([load.stop(), probe.stop()]));
  const gapMs = writeGap(load.history, course.from, course.to);
  const wrong = [
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

interface Course {
  /** When the faults had an effect, by {@link now}. */
  readonly from: number;
  readonly to: number;
  readonly wholeMs: number | null;
}

async function makeFaults(
  scene: Scene,
  round: Round,
  record: Laboratory['record'],
  untilServed: () => Promise<void>,
): Promise<Course> {
  const from = now();
  record({ at: from, kind: 'faults', faults: nameOf(round), primary: scene.primary.name });
  const heals = await Promise.all(round.map((one) => one.inject(scene)));
  await pause(Math.max(...round.map(({ holdMs }) => holdMs)));
  const healedAt = now();
  record({ at: healedAt, kind: 'healing' });
  await Promise.all(heals.map((heal) => heal()));
  // Where nobody can write any more, the gap says so.
  await untilServed().catch(() => undefined);
  const wholeMs = await untilAllWell(scene.ha).then(
    () => now() - healedAt,
    (error: unknown) => {
      record({ at: now(), kind: 'not whole', error: String(error) });
      return null;
    },
  );
  await pause(CALM_MS);
  const to = now();
  record({ at: to, kind: 'end', wholeMs });
  return { from, to, wholeMs };
}

async function untilAllWell(ha: HaCluster<OwnInstallation>): Promise<void> {
  await untilWhole(ha, { limitMs: WHOLE_MS });
  await untilHeard(ha.holdfast, ha.id, WHOLE_MS);
}

function judgeTimes(round: Round, gapMs: number, wholeMs: number | null): string[] {
  const wrong: string[] = [];
  if (gapMs > budgetOf(round)) wrong.push(`nobody could write for ${inSeconds(gapMs)} s`);
  if (wholeMs === null || wholeMs > WHOLE_MS) wrong.push(`it was not whole again within ${inSeconds(WHOLE_MS)} s`);
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

/** Reads all that there is through the endpoint, and judges it. */
async function judgeData(laboratory: Laboratory, history: readonly Done[]): Promise<string[]> {
  const config = login(laboratory.ha.credentials, 'primaryPort');
  const rows = await query<{ number: number }>(config, 'select number from inserts');
  const [sum] = await query<{ total: string }>(config, 'select sum(balance) as total from accounts');
  const lists = await query<{ key: number; items: number[] }>(config, 'select key, items from lists');
  const keys = new Set(of(history, 'lists').flatMap(({ op }) => op.steps.map(({ key }) => key)));
  const found: Found = {
    inserted: new Set(rows.map(({ number }) => number)),
    total: Number(sum?.total),
    lists: new Map(lists.filter(({ key }) => keys.has(key)).map(({ key, items }) => [key, items])),
  };
  const attempts = [...laboratory.attempts, ...attemptsOf(history)];
  const seen = [...history, ...(await readRegisters(laboratory, history))];
  // Each loss is told once.
  const lost = new Set(findLost(attempts, found.inserted));
  laboratory.attempts = attempts.filter(({ number }) => !lost.has(number));
  return checkRound({ history: seen, attempts, found }, TOTAL);
}

/** The last look at each register of the round, as one more client's. */
async function readRegisters({ ha }: Laboratory, history: readonly Done[]): Promise<Done[]> {
  const keys = [...new Set(of(history, 'read', 'write', 'cas').map(({ op }) => op.key))];
  const beganAt = now();
  const rows = await query<{ key: number; value: number }>(
    login(ha.credentials, 'primaryPort'),
    'select key, value from registers',
  );
  const values = new Map(rows.map(({ key, value }) => [key, value]));
  return keys.map((key) => ({
    client: 'observer',
    result: 'ok',
    beganAt,
    endedAt: now(),
    op: { key, kind: 'read', value: values.get(key) ?? null },
  }));
}

function count(history: readonly Done[]): RoundResult['operations'] {
  const withResult = (wanted: Result): number => history.filter(({ result }) => result === wanted).length;
  return { ok: withResult('ok'), fail: withResult('fail'), unknown: withResult('unknown') };
}

const inSeconds = (ms: number): string => (ms / 1000).toFixed(1);
