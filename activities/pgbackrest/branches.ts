import type { Fork } from '../../domain/swaps';

/** What a set tells of the branches of its lineage, for who restores without Holdfast: infra/rescue/rescue.sh reads it. */

export const BRANCHES_ANNOTATION = 'holdfast-branches';

const seconds = (time: string | null): string => (time === null ? '-' : String(Date.parse(time) / 1_000));

/** For each swap, in order: when, the log that it left and where, which branch that was, and the last commit there; `-` is unknown. */
export function branchesInWords(forks: readonly Fork[]): string {
  return forks
    .map(({ swappedAt, oldLog, forkLsn, forksFrom, lastCommitAt, lastCommitLsn }) =>
      [seconds(swappedAt), oldLog ?? '-', forkLsn ?? '-', forksFrom, seconds(lastCommitAt), lastCommitLsn ?? '-'].join(
        ' ',
      ),
    )
    .join(';');
}
