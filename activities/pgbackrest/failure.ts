import type { Storage, StoragePlace } from '../storage/storage';
import { describeTrouble, troubleInWords } from '../storage/trouble';
import { PGBACKREST_PORT } from './config';

/** The one place that knows how pgBackRest says what went wrong. */

/** As much of its own words as people read. */
const WORDS_LENGTH = 300;

const CLOCK =
  'The clock of the host is behind the time of the newest backup: one of the two was wrong. Let the hosts keep time by NTP; once that time has passed, backups are taken again.';

/** What it says as well of the other data nodes, which it asks in the middle of a backup, as of a store. */
const BROKEN = new RegExp(`unexpected eof|:${PGBACKREST_PORT}'`);
const WHICH =
  'A connection broke: to another data node, which may have gone away in the middle, or to the store, which answers.';

/**
 * What is wrong and what to do, where that is known, and pgBackRest's own words. A store that it says nothing of is looked at.
 *
 * @param output of the job that failed.
 */
export async function whatFailed(
  storage: Pick<Storage, 'check'>,
  { site, hostEndpoint: endpoint, bucket }: StoragePlace,
  output: string,
): Promise<string> {
  const last = output.slice(Math.max(0, output.lastIndexOf('ERROR: ')));
  const words = wordsOf(last);
  if (/is not later than latest backup label/.test(last)) return `${CLOCK} (${words})`;
  const isBroken = BROKEN.test(last);
  const trouble = isBroken ? null : troubleInWords(last);
  const { message, remedy } =
    trouble === null ? await storage.check(site) : describeTrouble({ endpoint, bucket }, trouble);
  if (remedy !== null) return `${message} ${remedy} (${words})`;
  return isBroken ? `${WHICH} (${words})` : words;
}

/** Without time, process and code. A line that ends with a colon is told by the next one. */
function wordsOf(error: string): string {
  const [first = '', second = ''] = error.replace(/^ERROR: /, '').split('\n');
  return (first.endsWith(':') ? second.trim() : first).slice(0, WORDS_LENGTH);
}
