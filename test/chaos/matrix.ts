import type { CrashPoint } from '../simulation/crash';
import type { Experiment, Outcome } from './experiment';
import { conduct } from './experiment';
import type { Laboratory, Subject } from './laboratory';
import { freeMachines } from './machines';
import { complaints } from './verdict';

/** What matrices of crashes do with each of their experiments. */

/** From its order to its end, on machines that nothing of an earlier experiment is on. */
export async function run(laboratory: Laboratory, subject: Subject, experiment: Experiment): Promise<Outcome> {
  if (experiment.cloud === 'static' && experiment.kind === 'provision') await freeMachines(laboratory, subject);
  return conduct(laboratory, subject, experiment);
}

export interface Judged {
  readonly wrong: string[];
  readonly outcome: Outcome;
}

/** Runs with crashes; gives what is wrong with it. */
export async function judge(
  laboratory: Laboratory,
  subject: Subject,
  experiment: Experiment,
  dryRun: Outcome,
): Promise<Judged> {
  const outcome = await run(laboratory, subject, experiment);
  return { wrong: await complaints(laboratory, subject.world, experiment, outcome, dryRun), outcome };
}

/** Says which of the crashes of a run that went wrong make it go wrong alone. */
export async function blame(
  wrong: readonly string[],
  crashes: readonly CrashPoint[],
  alone: (crash: CrashPoint) => Promise<Judged>,
): Promise<string[]> {
  if (wrong.length === 0) return [];
  const guilty: string[] = [];
  for (const crash of crashes) {
    const again = await alone(crash);
    guilty.push(...again.wrong.map((one) => `${crash.when} "${crash.execution}": ${one}`));
  }
  if (guilty.length > 0) return guilty;
  const all = crashes.map(({ execution, when }) => `${when} "${execution}"`).join(', ');
  return wrong.map((one) => `${all}, though not for one of them alone: ${one}`);
}
