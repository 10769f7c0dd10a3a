import type { OperationId } from './ids';

/** What a restore read, and what was found in what came back: its evidence. */

/** One thing that was looked at in what came back. */
export interface DataCheck {
  readonly name: string;
  readonly passed: boolean;
  /** What was seen, for people. */
  readonly detail: string;
}

/** What pgBackRest said that it read. */
export interface ReadSet {
  readonly site: string;
  /** pgBackRest's name of the set that it began with. */
  readonly setId: string;
  /**
   * The site that it is to read first: it did not answer, went away or has a damaged file, or no set that leads to the target.
   * Null: it is that one.
   */
  readonly insteadOf: string | null;
}

/** Of an operation that restores; what is not known yet is null. */
export interface Restored {
  readonly from: ReadSet | null;
  readonly checks: readonly DataCheck[];
}

/** What the data of a cluster was made from. */
export type RestoredFrom = Pick<ReadSet, 'site' | 'setId'> & { readonly operationId: OperationId };

/** For people: `set 20261121-063000F of site secondary`. */
export const setInWords = ({ site, setId }: Pick<ReadSet, 'site' | 'setId'>): string => `set ${setId} of site ${site}`;

/** As {@link setInWords}, with why it is not that of another site. */
export function readInWords(read: ReadSet): string {
  const { insteadOf } = read;
  const why =
    insteadOf === null ? '' : `, because ${insteadOf} could not be read, or has none that leads to what was asked for`;
  return `${setInWords(read)}${why}`;
}
