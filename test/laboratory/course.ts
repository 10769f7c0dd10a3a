import { reasonOf } from '../../infra/local/problem';
import { setTimeout as pause } from 'node:timers/promises';
import { now } from './load/history';

/** What happens in a round between its calm begin and its calm end. */
export interface Course {
  /** When the faults had an effect, by {@link now}. */
  readonly from: number;
  readonly to: number;
  /** From the healing until all was well; null: it never was. */
  readonly wholeMs: number | null;
  /** A sentence each. */
  readonly wrong: readonly string[];
}

interface Breakable<Where> {
  readonly name: string;
  readonly holdMs: number;
  inject(where: Where): Promise<() => Promise<void>>;
}

export interface Making<Where> {
  readonly where: Where;
  readonly faults: readonly Breakable<Where>[];
  readonly record: (entry: object) => void;
  /** Fails when somebody is not served any more. */
  readonly untilServed: () => Promise<unknown>;
  /** Fails when it is not well in time. */
  readonly untilWell: () => Promise<unknown>;
}

/** Load before the first fault, and after the last. */
export const CALM_MS = 1_500;

/** Makes the faults, heals them, and waits until all is well. What fails on the way is told, and keeps none from being healed. */
export async function makeFaults<Where>({
  where,
  faults,
  record,
  untilServed,
  untilWell,
}: Making<Where>): Promise<Course> {
  const wrong: string[] = [];
  const told = async <T>(what: string, act: () => Promise<T>): Promise<{ readonly value: T } | null> => {
    try {
      return { value: await act() };
    } catch (error) {
      wrong.push(`${what}: ${reasonOf(error)}`);
      record({ at: now(), kind: 'failure', what, error: String(error) });
      return null;
    }
  };
  const from = now();
  record({ at: from, kind: 'faults', faults: faults.map(({ name }) => name) });
  const heals = await Promise.all(
    faults.map(async (fault) => {
      const made = await told(`${fault.name} could not be made`, async () => fault.inject(where));
      return async () => void (made && (await told(`${fault.name} could not be healed`, made.value)));
    }),
  );
  await pause(Math.max(...faults.map(({ holdMs }) => holdMs)));
  const healedAt = now();
  record({ at: healedAt, kind: 'healing' });
  await Promise.all(heals.map((heal) => heal()));
  const served = await told('not all clients were served again', untilServed);
  const well = await told('it was not whole again', untilWell);
  const wholeMs = served && well && now() - healedAt;
  await pause(CALM_MS);
  const to = now();
  record({ at: to, kind: 'end', wholeMs });
  return { from, to, wholeMs, wrong };
}
