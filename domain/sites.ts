import type { CloudName } from './clusters';
import type { TimelineId } from './ids';

/** Object stores that backups go to. What an installation has stands in its sites file: docs/configuration.md. */

/** Such as `primary`, `secondary`, `offsite`. */
export type SiteName = string;

/**
 * How timelines are kept apart on a site. `versitygw`: each has a bucket of its own and a key that opens no other. `shared`:
 * all have the site's bucket, each under its own prefix, and the site's own key.
 */
export const ACCOUNT_KINDS = ['shared', 'versitygw'] as const;
export type AccountKind = (typeof ACCOUNT_KINDS)[number];

export interface Site {
  readonly name: SiteName;
  /** `https://host[:port]`, as the control plane reaches it. */
  readonly endpoint: string;
  /** The same, as hosts of clusters reach it. */
  readonly hostEndpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** True: the bucket stands in the path of a URL; false: in its host name. */
  readonly pathStyle: boolean;
  /** Whom to trust for its certificate; null: the authorities of the system. */
  readonly caPem: string | null;
  readonly accounts: AccountKind;
  /** Clouds whose hosts can reach it. */
  readonly clouds: readonly CloudName[];
}

/** Where a timeline's objects lie on a site. Buckets have no underscores in their names. */
export function placeOn(
  { accounts, bucket }: Pick<Site, 'accounts' | 'bucket'>,
  timeline: TimelineId,
): { readonly bucket: string; /** Ends with a slash. */ readonly prefix: string } {
  return {
    bucket: accounts === 'shared' ? bucket : `${bucket}-${timeline.replaceAll('_', '-')}`,
    prefix: `${timeline}/`,
  };
}

/** What came of writing, reading back and deleting an object. */
export interface SiteCheck {
  readonly site: SiteName;
  readonly ok: boolean;
  /** What is, in plain words. */
  readonly message: string;
  /** What to do when it is not ok. */
  readonly remedy: string | null;
  readonly durationMs: number;
}

/** A bucket of S3 has a name of at most so many characters. */
export const LONGEST_BUCKET = 63;
/** What a timeline's own bucket has after the site's: `-tl-` and 26 characters. */
export const TIMELINE_SUFFIX_LENGTH = 30;
