import type { Cluster } from '../../domain/clusters';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import { previewOfRestore } from './backup-previews';
import type { Image } from './order';
import { check } from './previews';

/** What is known of the cluster that was deleted. */
export interface KnownOfDeleted {
  /** The cluster that has its name by now, if any. */
  readonly namesake: Cluster | null;
  /** That the endpoint had; null where the cloud has none that floats. */
  readonly address: string | null;
  /** When the newest commit in the archive was made; null: none since its oldest backup. */
  readonly newestCommit: string | null;
  readonly databaseBytes: number | null;
}

/** What an undelete would do. */
export function previewOfUndelete(
  cluster: Parameters<typeof previewOfRestore>[0],
  deleted: Cluster,
  image: Image,
  { namesake, address, newestCommit, databaseBytes }: KnownOfDeleted,
): PreviewAnswer {
  const restore = previewOfRestore(cluster, deleted, image, { namesake, databaseBytes, isArchived: true });
  const { name } = cluster;
  const upTo = newestCommit === null ? 'its oldest backup' : `its newest commit in the archive, of ${newestCommit}`;
  return {
    ...restore,
    changes: [
      ...restore.changes,
      { action: 'create', what: 'data', detail: `up to ${upTo}` },
      { action: 'create', what: 'credentials', detail: 'the password and the certificate authority of before' },
      { action: 'create', what: 'endpoint', detail: endpointInWords(address) },
    ],
    checks: [
      check(
        'name-free',
        namesake === null,
        namesake === null ? `the name ${name} is free` : `there is a cluster named ${name}`,
        `delete that one, or restore ${deleted.id} under another name`,
      ),
      ...restore.checks.filter(({ id }) => id !== 'name-free'),
    ],
  };
}

const endpointInWords = (address: string | null): string =>
  address === null
    ? 'other ports than before: its cloud has no address that floats'
    : `the address ${address} again, if nobody has taken it by then; else another one`;
