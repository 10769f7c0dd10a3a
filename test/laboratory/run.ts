import { reasonOf } from '../../infra/local/problem';
import type { Round } from './faults/draw';
import { drawRounds, FAULTS, nameOf } from './faults/draw';
import type { Losses } from './negative-control';
import type { LeftOut, Run } from './report';
import type { RoundResult } from './round';

export interface Choices {
  readonly minutes: number;
  readonly seed: number;
  /** This round again and again: names with `+` between them. */
  readonly fault?: string;
}

/** What a run is made of. Whatever fails ends it, and its report says so. */
export interface Parts<Place> {
  open(): Promise<Place>;
  /** Faults that cannot be made here. */
  findLeftOut(place: Place): Promise<readonly LeftOut[]>;
  makeRound(place: Place, round: Round): Promise<RoundResult>;
  control(place: Place): Promise<Losses>;
  /** Told what is done next. */
  readonly say: (line: string) => void;
}

/** Rounds until the time is over or one leaves a cluster in which no other could begin, then the negative control. Never fails. */
export async function conduct<Place>(choices: Choices, parts: Parts<Place>): Promise<Run> {
  const { seed, minutes } = choices;
  const rounds: RoundResult[] = [];
  let leftOut: readonly LeftOut[] = [];
  let [losses, brokenOff]: [Losses | null, string | null] = [null, null];
  let doing = '';
  const begin = (what: string): void => parts.say((doing = what));
  try {
    begin('making a cluster');
    const place = await parts.open();
    leftOut = await parts.findLeftOut(place);
    const isLeftOut = ({ name }: { readonly name: string }): boolean => leftOut.some((left) => left.name === name);
    const until = performance.now() + minutes * 60_000;
    for (const round of drawRounds(FAULTS, seed, choices.fault)) {
      if (performance.now() >= until || rounds.at(-1)?.wholeMs === null) break;
      // Drawn all the same: a seed has the same rounds everywhere.
      if (round.some(isLeftOut)) continue;
      begin(`round ${rounds.length + 1}: ${nameOf(round)}`);
      const result = await parts.makeRound(place, round);
      rounds.push(result);
      parts.say(tell(result));
    }
    if (rounds.at(-1)?.wholeMs !== null) {
      begin('negative control: a cluster without a quorum loses what its primary alone has');
      losses = await parts.control(place);
    }
  } catch (error) {
    brokenOff = `${doing}: ${reasonOf(error)}`;
    parts.say(`broken off, ${error instanceof Error ? (error.stack ?? brokenOff) : brokenOff}`);
  }
  return { seed, minutes, rounds, leftOut, losses, brokenOff };
}

function tell({ gapMs, budgetMs, wholeMs, wrong }: RoundResult): string {
  const seconds = (ms: number): string => (ms / 1000).toFixed(1);
  const gap = gapMs === null ? 'nobody could write any more' : `write gap ${seconds(gapMs)} s`;
  const whole = wholeMs === null ? 'never whole again' : `whole again after ${seconds(wholeMs)} s`;
  return `  ${gap} (${seconds(budgetMs)} s allowed), ${whole}: ${wrong.join('; ') || 'passed'}`;
}
