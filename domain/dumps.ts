import type { Major } from './clusters';
import type { ClusterId, DumpId, OperationId, ProjectId, TimelineId } from './ids';
import type { DumpLimits } from './plans';
import type { NodeName } from './topology';

/** Logical dumps: what is known of each, and which of them a plan keeps. */

export const DUMP_STATES = ['running', 'succeeded', 'failed', 'deleting', 'deleted'] as const;
export type DumpState = (typeof DUMP_STATES)[number];

/** A dump on one site. */
export interface DumpCopy {
  readonly site: string;
  readonly storedAt: string;
}

export interface Dump {
  readonly id: DumpId;
  readonly projectId: ProjectId;
  readonly clusterId: ClusterId;
  readonly clusterName: string;
  /** Whose account on each site it lies in, and with which it goes at last. */
  readonly timelineId: TimelineId;
  readonly operationId: OperationId;
  /** What was asked for: null is all databases and the roles, unless {@link selection} names some. */
  readonly database: string | null;
  /** Several databases that were asked for by name, without the roles; else null. */
  readonly selection: readonly string[] | null;
  /** Sites that are to have it; null: all of the lineage. */
  readonly sites: readonly string[] | null;
  /** What is in it, in the order of their numbers in the archive, from 1; none before it has succeeded. */
  readonly databases: readonly string[];
  readonly state: DumpState;
  readonly description: string | null;
  /** `schedule`, or the name of the token that asked for it. */
  readonly requestedBy: string;
  readonly node: NodeName | null;
  readonly nodeRole: 'primary' | 'replica' | null;
  /** Of PostgreSQL. */
  readonly version: Major;
  /** Of the archive, which is the same on each site. */
  readonly sizeBytes: number | null;
  /** SHA-256 of the archive, in hexadecimal digits. */
  readonly checksum: string | null;
  /** Of the databases, as they were. */
  readonly databaseBytes: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly copies: readonly DumpCopy[];
}

/** What a dump is restored into. */
export interface DumpRestore {
  readonly dumpId: DumpId;
  /** Of those in the dump. */
  readonly source: string;
  /** Name that it gets. */
  readonly database: string;
  /** True: in the place of one that has that name. */
  readonly replace: boolean;
}

/** Name of the archive within its lineage's place on a site. */
export const DUMP_FOLDER = 'dumps/';
export const dumpKey = (id: DumpId): string => `${DUMP_FOLDER}${id}.tar`;

/**
 * Dumps that are too many, once the newest of them has succeeded: beyond those of its day, and beyond all that are kept.
 * Only those that have succeeded count, and only they are named: one that failed costs no other its place.
 */
export function dumpsToEvict(
  dumps: readonly Pick<Dump, 'id' | 'state' | 'startedAt'>[],
  { kept, perDay }: DumpLimits,
): DumpId[] {
  const good = dumps.filter(({ state }) => state === 'succeeded').sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
  const ofItsDay = new Map<string, number>();
  const stay: DumpId[] = [];
  for (const { id, startedAt } of good) {
    const day = startedAt.slice(0, 'YYYY-MM-DD'.length);
    const number = (ofItsDay.get(day) ?? 0) + 1;
    ofItsDay.set(day, number);
    if (number <= perDay && stay.length < kept) stay.push(id);
  }
  return good.flatMap(({ id }) => (stay.includes(id) ? [] : [id]));
}
