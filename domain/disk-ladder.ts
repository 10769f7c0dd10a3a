import type { Condition } from './clusters';
import type { NodeName } from './topology';

/** What becomes of a data node whose volume fills: its host acts (activities/disk/), the watch tells. */

/**
 * Shares of the volume that are used. The first of each pair is where something begins; it ends below the second, so that nothing
 * flutters.
 */
export const DISK_LADDER = {
  /** Is told. */
  filling: 0.8,
  /** Slots that nobody uses are dropped, and checkpoints keep the log short ... */
  nearlyFull: 0.9,
  /** ... until the log may take its fifth of the volume again without a return to here. */
  roomy: 0.7,
  /** Transactions are read-only ... */
  refuse: 0.95,
  /** ... until somebody has freed some space. */
  allow: 0.9,
  /** Whoever goes on writing is disconnected, as long as it fills. */
  last: 0.97,
} as const;

/** What was seen of the volume of one data node. */
export interface DiskLook {
  readonly node: NodeName;
  /** Null: its PostgreSQL does not answer. */
  readonly role: 'primary' | 'standby' | null;
  /** 0 to 1. */
  readonly usedShare: number;
  /** Its transactions are read-only because of that. */
  readonly refuses: boolean;
}

/** What its host did because of its volume. */
export interface DiskAct {
  /** ISO 8601, UTC; by the clock of the host. */
  readonly at: string;
  readonly act: string;
  readonly detail: string;
}

export type DiskCondition = Omit<Condition, 'since'> & { readonly type: 'DiskSpace' };

const RUNGS = ['Enough', 'Filling', 'NearlyFull', 'WritesRefused', 'Full'] as const;
type Rung = (typeof RUNGS)[number];

/** What was told of goes on being told until so much less is used. */
const CALM = 0.02;

/**
 * What to say of the volumes, in words that change only when the state does.
 *
 * @param before reason of the condition as it is; null: nothing was told yet.
 */
export function judgeDisks(looks: readonly DiskLook[], before: string | null): DiskCondition {
  const rungs = looks.map((look) => RUNGS.indexOf(rungOf(look, before)));
  const worst = Math.max(0, ...rungs);
  const names = looks.filter((_, i) => rungs[i] === worst).map(({ node }) => node);
  const reason = RUNGS[worst] ?? 'Enough';
  return { type: 'DiskSpace', status: worst < RUNGS.indexOf('NearlyFull'), reason, message: wordsFor(reason, names) };
}

/** What a standby refuses is no matter: nobody writes there. */
function rungOf({ role, usedShare, refuses }: DiskLook, before: string | null): Rung {
  const told = RUNGS.findIndex((rung) => rung === before);
  const reaches = (rung: Rung, share: number): boolean => usedShare >= share - (told >= RUNGS.indexOf(rung) ? CALM : 0);
  if (role === null && reaches('Full', DISK_LADDER.last)) return 'Full';
  if (role === 'primary' && refuses) return 'WritesRefused';
  if (reaches('NearlyFull', DISK_LADDER.nearlyFull)) return 'NearlyFull';
  return reaches('Filling', DISK_LADDER.filling) ? 'Filling' : 'Enough';
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

function wordsFor(rung: Rung, names: readonly NodeName[]): string {
  const { filling, nearlyFull, refuse, allow } = DISK_LADDER;
  const volume = `The volume of ${names.join(' and ')} is`;
  switch (rung) {
    case 'Enough':
      return 'All data nodes have space.';
    case 'Filling':
      return `${volume} more than ${percent(filling)} full. At ${percent(refuse)} of the primary's, writes are refused.`;
    case 'NearlyFull':
      return `${volume} more than ${percent(nearlyFull)} full: the log is kept short. At ${percent(refuse)} of the primary's, writes are refused. Free some space.`;
    case 'WritesRefused':
      return `${volume} more than ${percent(refuse)} full: transactions are read-only until less than ${percent(allow)} are used. Free some space: docs/disk.md.`;
    case 'Full':
      return `${volume} full, and PostgreSQL does not run there. It starts by itself once there is space: docs/disk.md.`;
  }
}
