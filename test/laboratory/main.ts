import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chance } from '../support/chance';
import type { OwnInstallation } from '../support/own-installation';
import { openOwnInstallation } from '../support/own-installation';
import { login } from '../system/support/endpoint';
import { lookAt, untilWhole } from '../system/support/ha-cluster';
import { drawRounds, FAULTS, nameOf, namesOf } from './faults/draw';
import { openJournal } from './load/history';
import { createTables } from './load/tables';
import { countFrom } from './load/works';
import { countLossesWithoutQuorum } from './negative-control';
import type { LeftOut, Run } from './report';
import { reportRun, verdictOf } from './report';
import type { Laboratory, RoundResult } from './round';
import { runRound } from './round';

/**
 * `npm run chaos -- --minutes N --seed S [--fault NAME[+NAME]]`: the fault laboratory, see docs/chaos.md. infra/local/chaos.ts brings up the
 * control plane, and removes all that was made.
 */

interface Choices {
  readonly minutes: number;
  readonly seed: number;
  readonly fault?: string;
}

const CLUSTER = 'laboratory';

function readChoices(args: readonly string[]): Choices {
  const options = { minutes: { type: 'string' }, seed: { type: 'string' }, fault: { type: 'string' } } as const;
  const { values } = parseArgs({ args: [...args], options });
  const minutes = Number(values.minutes ?? 10);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  if (!(minutes > 0)) throw new Error('--minutes takes a number above 0');
  if (!Number.isInteger(seed) || seed < 0) throw new Error('--seed takes a whole number');
  return { minutes, seed, ...(values.fault !== undefined && { fault: values.fault }) };
}

const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

async function openLaboratory(
  holdfast: OwnInstallation,
  seed: number,
  record: Laboratory['record'],
): Promise<Laboratory> {
  say('making a cluster');
  const { id } = await holdfast.order({ name: CLUSTER, plan: 'ha-s' });
  const ha = await lookAt(holdfast, await holdfast.succeed(id));
  await createTables(login(ha.credentials, 'primaryPort'));
  await untilWhole(ha);
  return { ha, random: chance(seed), numbers: countFrom(1), attempts: [], newest: null, record };
}

/** What this engine and its kernel cannot do. @throws Error where that was asked for. */
async function findLeftOut({ ha }: Laboratory, asked?: string): Promise<LeftOut[]> {
  const reasons = await Promise.all(FAULTS.map(async (fault) => fault.impossible?.(ha) ?? null));
  const leftOut = FAULTS.flatMap(({ name }, i) => {
    const reason = reasons[i] ?? null;
    return reason === null ? [] : [{ name, reason }];
  });
  const refused = leftOut.find(({ name }) => namesOf(asked ?? '').includes(name));
  if (refused) throw new Error(`${refused.name} cannot be made here: ${refused.reason}`);
  return leftOut;
}

/** Rounds until the time is over, or one leaves a cluster in which no other could begin. */
async function runRounds(
  laboratory: Laboratory,
  { minutes, seed, fault }: Choices,
  leftOut: readonly LeftOut[],
): Promise<RoundResult[]> {
  const until = performance.now() + minutes * 60_000;
  const results: RoundResult[] = [];
  const rounds = drawRounds(FAULTS, seed, fault);
  while (performance.now() < until) {
    const round = rounds.next().value;
    // Drawn all the same: a seed has the same rounds everywhere.
    if (round.some(({ name }) => leftOut.some((left) => left.name === name))) continue;
    say(`round ${results.length + 1}: ${nameOf(round)}`);
    const result = await runRound(laboratory, round);
    laboratory.record({ kind: 'round', ...result });
    results.push(result);
    say(tell(result));
    if (result.wholeMs === null) break;
  }
  return results;
}

function tell({ gapMs, budgetMs, wholeMs, wrong }: RoundResult): string {
  const seconds = (ms: number): string => (ms / 1000).toFixed(1);
  const gap = gapMs === null ? 'nobody could write any more' : `write gap ${seconds(gapMs)} s`;
  const whole = wholeMs === null ? 'never whole again' : `whole again after ${seconds(wholeMs)} s`;
  return `  ${gap} (${seconds(budgetMs)} s allowed), ${whole}: ${wrong.join('; ') || 'passed'}`;
}

async function main(): Promise<void> {
  const choices = readChoices(process.argv.slice(2));
  drawRounds(FAULTS, choices.seed, choices.fault).next(); // Refuses a name that there is not, before anything is made.
  const holdfast = await openOwnInstallation();
  const folder = join(holdfast.home, 'runs', `${new Date().toISOString().replaceAll(':', '')}-seed-${choices.seed}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const journal = openJournal(join(folder, 'history.jsonl'));
  say(`seed ${choices.seed}, history in ${folder}`);
  const laboratory = await openLaboratory(holdfast, choices.seed, (entry) => journal.write(entry));
  const leftOut = await findLeftOut(laboratory, choices.fault);
  const rounds = await runRounds(laboratory, choices, leftOut);
  say('negative control: a cluster without a quorum loses what its primary alone has');
  const isWhole = rounds.every(({ wholeMs }) => wholeMs !== null);
  const lostWithoutQuorum = isWhole ? await countLossesWithoutQuorum(laboratory.ha) : null;
  await journal.close();
  await holdfast.close();
  const run: Run = { seed: choices.seed, minutes: choices.minutes, rounds, leftOut, lostWithoutQuorum };
  const report = reportRun(run);
  writeFileSync(join(folder, 'report.md'), `${report}\n`);
  writeFileSync(join(folder, 'run.json'), `${JSON.stringify(run, null, 2)}\n`);
  process.stdout.write(`\n${report}\n\n`);
  process.exitCode = verdictOf(run).length === 0 ? 0 : 1;
}

main().catch((error: unknown) => {
  process.stderr.write(`chaos: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
