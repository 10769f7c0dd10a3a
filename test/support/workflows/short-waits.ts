/** In the place of workflows/deadlines.ts: a backup that is due waits for seconds only, and looks again soon. */

export {
  COPY_ATTEMPTS,
  HEARTBEAT_TIMEOUT,
  LONG_DEADLINE,
  QUICK_DEADLINE,
  REMOTE_DEADLINE,
} from '../../../workflows/deadlines';

export const FIRST_RETRY = '100ms';
export const LONGEST_RETRY = '300ms';
export const DUE_DEADLINE = '5s';
