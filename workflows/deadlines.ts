/**
 * How long the engine waits for what it can't see. A module of their own, so that tests of crashes can put shorter ones
 * in its place: what happens stays the same, only sooner.
 */

/** An activity whose worker said nothing for so long is given to another; workers say something every 2 s. */
export const HEARTBEAT_TIMEOUT = '20s';

/** Between two attempts of an activity: the first pause, doubled each time up to the longest. */
export const FIRST_RETRY = '500ms';
export const LONGEST_RETRY = '30s';
