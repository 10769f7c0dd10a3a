/**
 * How long the engine waits for what it can't see. A module of their own, so that tests of crashes can put shorter ones
 * in its place: what happens stays the same, only sooner.
 */

/** An activity whose worker said nothing for so long is given to another; workers say something every 2 s. */
export const HEARTBEAT_TIMEOUT = '20s';

/**
 * For how long a step is tried before somebody has to look at it: a few queries to the inventory, calls to clouds and
 * hosts, and what takes as long as there is data. Absences do not count: see `wasAway` in operation.ts.
 */
export const QUICK_DEADLINE = '1h';
export const REMOTE_DEADLINE = '15m';
export const LONG_DEADLINE = '1d';

/** Between two attempts of an activity: the first pause, doubled each time up to the longest. */
export const FIRST_RETRY = '500ms';
export const LONGEST_RETRY = '30s';

/** How often a backup or a dump is tried. */
export const COPY_ATTEMPTS = 4;

/** How long a backup that is due waits for the one that runs, and how long the housekeeping may take: less than an hour. */
export const DUE_DEADLINE = '50m';
