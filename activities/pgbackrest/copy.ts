import type { ClusterView } from '../fleet';
import { processesOn } from '../fleet';
import type { ShellCommand } from '../host/shell';
import { sh } from '../host/shell';
import { binariesOf } from '../postgres/paths';
import { pgbackrest } from './commands';
import type { Lineage } from './config';
import { ARCHIVE_CONFIG_FILE, SPOOL } from './config';
import { COPY_PROGRAM } from './copy-program';

/** What Patroni calls for the data of a new replica, before it takes a base backup of the primary. */

export const COPY_FILE = '/etc/pgbackrest/copy.py';

/** There while data is restored: how far that is, in words. */
export const COPY_PROGRESS_FILE = `${SPOOL}/copying`;

/** Patroni adds where the data goes, and how to reach the primary. */
export const COPY_COMMAND: ShellCommand = sh`python3 ${COPY_FILE}`;

const MIB = 1024 ** 2;

/** When the data comes from a backup. Measured: docs/replacement.md, "Where the data comes from". */
const CHOICE = {
  /** Of data, or of log in the whole life of the cluster, which tells as much at once. A base backup of less is the quicker one. */
  smallBytes: 1024 * MIB,
  /** Log to replay, for each byte of data. */
  replayShare: 0.25,
  /** A store, or a primary, that says nothing for so long is slow. */
  answerSeconds: 5,
  /** Names come a thousand at a time. */
  listSeconds: 30,
  /** A restore that has brought less after so long is given up. */
  startSeconds: 30,
  startBytes: 64 * MIB,
  /** One that brings nothing for so long is given up. pgBackRest waits 20 s for a store, and tries again. */
  stallSeconds: 60,
} as const;

/** What {@link COPY_PROGRAM} reads. */
export type CopyOrders = Readonly<Record<keyof typeof CHOICE, number>> & {
  readonly pgbackrest: readonly string[];
  readonly stanza: string;
  /** In the order of the repositories. */
  readonly sites: readonly string[];
  readonly processes: number;
  readonly psql: string;
  readonly progress: string;
};

export const copyOrders = (view: ClusterView, { timeline }: Pick<Lineage, 'timeline'>): CopyOrders => ({
  ...CHOICE,
  pgbackrest: pgbackrest(ARCHIVE_CONFIG_FILE, timeline.id),
  stanza: timeline.id,
  sites: timeline.sites,
  processes: processesOn(view),
  psql: `${binariesOf(view.cluster.spec.version)}/psql`,
  progress: COPY_PROGRESS_FILE,
});

/** See {@link COPY_FILE}. JSON has no string that Python reads in another way. */
export const copyProgram = (orders: CopyOrders): string =>
  `ORDERS = __import__('json').loads(${JSON.stringify(JSON.stringify(orders))})\n${COPY_PROGRAM}`;
