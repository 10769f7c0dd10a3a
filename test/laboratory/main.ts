import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chance } from '../support/chance';
import type { OwnInstallation } from '../support/own-installation';
import { openOwnInstallation } from '../support/own-installation';
import { login } from '../system/support/endpoint';
import { lookAt, untilWhole } from '../system/support/ha-cluster';
import { drawRounds, FAULTS, namesOf } from './faults/draw';
import type { Laboratory } from './laboratory';
import { openJournal } from './load/history';
import { createTables } from './load/tables';
import { countFrom } from './load/works';
import { loseWithoutQuorum } from './negative-control';
import type { LeftOut } from './report';
import { reportRun, verdictOf } from './report';
import { runRound } from './round';
import type { Choices } from './run';
import { conduct } from './run';

/**
 * `npm run chaos -- --minutes N --seed S [--fault NAME[+NAME]]`: the fault laboratory, see docs/chaos.md. infra/local/chaos.ts brings up the
 * control plane, and removes all that was made.
 */

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

async function main(): Promise<void> {
  const choices = readChoices(process.argv.slice(2));
  drawRounds(FAULTS, choices.seed, choices.fault).next(); // Refuses a name that there is not, before anything is made.
  const holdfast = await openOwnInstallation();
  const folder = join(holdfast.home, 'runs', `${new Date().toISOString().replaceAll(':', '')}-seed-${choices.seed}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const journal = openJournal(join(folder, 'history.jsonl'));
  say(`seed ${choices.seed}, history in ${folder}`);
  const run = await conduct(choices, {
    open: () => openLaboratory(holdfast, choices.seed, (entry) => journal.write(entry)),
    findLeftOut: (laboratory) => findLeftOut(laboratory, choices.fault),
    async makeRound(laboratory, round) {
      const result = await runRound(laboratory, round);
      laboratory.record({ kind: 'round', ...result });
      return result;
    },
    control: loseWithoutQuorum,
    say,
  });
  const report = reportRun(run);
  writeFileSync(join(folder, 'report.md'), `${report}\n`);
  writeFileSync(join(folder, 'run.json'), `${JSON.stringify(run, null, 2)}\n`);
  process.stdout.write(`\n${report}\n\n`);
  process.exitCode = verdictOf(run).length === 0 ? 0 : 1;
  await journal.close();
  await holdfast.close();
}

main().catch((error: unknown) => {
  process.stderr.write(`chaos: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
