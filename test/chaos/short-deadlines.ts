/**
 * In the place of workflows/deadlines.ts: a dead worker is missed sooner, and nothing else changes. Long enough that one
 * which has to wait for a busy machine's processor is not thought dead.
 */

export * from '../../workflows/deadlines';

export const HEARTBEAT_TIMEOUT = '4s';
export const FIRST_RETRY = '50ms';
export const LONGEST_RETRY = '500ms';
