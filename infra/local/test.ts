import { seconds } from './progress.cjs';
import { projectFile } from './project';
import type { Session } from './session';
import { complain, runSession } from './session';
import type { Project, Selection, Tally } from './suite';
import { readSelection, runChecks, runJest, sum } from './suite';
import { setUpTests } from './test-setup';
import { drawsAll, leftOut, seedOf, withoutFiles } from './turns';

const tallies: Tally[] = [];

/**
 * One after the other. Real hosts cost half a core while tests only wait for them, so nothing runs beside them that makes them wait
 * longer.
 */
const ROUNDS: readonly (readonly Project[])[] = [
  ['unit', 'workflow', 'control'],
  ['chaos'],
  ['backups', 'system'],
  ['alone'],
];

const SEED = seedOf(process.env);
const isOf = (projects: readonly Project[], file: string): boolean =>
  projects.some((project) => file.startsWith(`${project}/`));

/** `npm test`: sets up what the tests need, runs everything that CI runs, and removes what it made. */
async function test(session: Session, { projects, rest }: Selection): Promise<number> {
  const { progress, signal } = session;
  const left = rest.length > 0 || drawsAll(process.env) ? [] : leftOut(SEED).filter((file) => isOf(projects, file));
  await session.together(
    async () => {
      if (projects.some((project) => project !== 'unit')) await setUpTests(session);
    },
    async () => tallies.push(await runChecks(progress, signal)),
  );
  for (const round of ROUNDS) {
    const chosen = round.filter((project) => projects.includes(project));
    if (chosen.length === 0 || signal.aborted) continue;
    progress.say(`\n${chosen.join(' and ')} tests`);
    tallies.push(await runJest(chosen, [...rest, ...withoutFiles(left)], signal));
  }
  if (left.length > 0)
    progress.say(`\nleft to other runs by seed ${SEED} (HOLDFAST_DRAW=all has all): ${left.join(', ')}`);
  return signal.aborted || sum(tallies).failed > 0 ? 1 : 0;
}

/** Tests that could not be set up, or not run to their end, are one that failed. */
function failed(error: unknown): number {
  complain(error);
  tallies.push({ passed: 0, failed: 1 });
  return 1;
}

/** The last line stands alone, for whoever reads only that. */
function conclude(): void {
  const total = sum(tallies);
  const took = Date.now() - Number(process.env['HOLDFAST_BEGAN_AT'] ?? Date.now());
  process.stdout.write(`\nall of it took ${seconds(took)}\n${total.passed} passed, ${total.failed} failed\n`);
}

const selection = readSelection(process.argv.slice(2));
void runSession(projectFile('.holdfast', 'test'), (session) => test(session, selection).catch(failed), conclude);
