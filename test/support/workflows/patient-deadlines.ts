/** In the place of workflows/deadlines.ts: what fails is tried again at once, and nothing else changes. */

export * from '../../../workflows/deadlines';

export const FIRST_RETRY = '20ms';
export const LONGEST_RETRY = '40ms';
