/** In the place of workflows/deadlines.ts: steps have to be done within a second, and are tried again soon. */

export * from '../../../workflows/deadlines';

export const HEARTBEAT_TIMEOUT = '1s';
export const QUICK_DEADLINE = '1s';
export const REMOTE_DEADLINE = '1s';
export const LONG_DEADLINE = '1s';
export const DUE_DEADLINE = '4s';
export const FIRST_RETRY = '50ms';
export const LONGEST_RETRY = '200ms';
