import type { KnownSite } from '../../activities/inventory/backup-tables';
import type { ImageTable } from '../../activities/inventory/inventory';
import type { ClusterSpec, Major } from '../../domain/clusters';
import { MAJORS } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { findPlan } from '../../domain/plans';
import type { CreateCluster } from '../../domain/schemas/clusters';
import { parseStorageSize } from '../../domain/storage-size';
import type { ImageCatalogue } from '../../domain/versions';
import { policyOf } from './backup-policy';
import { InvalidRequest } from './problem';

export interface Image {
  readonly reference: string;
  readonly catalogue: ImageCatalogue;
}

/** The image that new hosts boot. @throws UNAVAILABLE until the first one was built. */
export async function currentImage(images: ImageTable): Promise<Image> {
  const image = await images.current('docker');
  if (image === null) throw new HoldfastError('UNAVAILABLE', { part: 'The golden image' });
  return image;
}

/** Majors that can be ordered from this image, oldest first. */
export function majorsOf({ catalogue }: Image): Major[] {
  return MAJORS.filter((major) => major in catalogue.postgresql);
}

/**
 * The spec that a request asks for, with every default filled in.
 *
 * @param sites in order of preference.
 * @throws VALIDATION_FAILED for a version that the image lacks, and for sites that the hosts can't use.
 */
export function specOf(request: CreateCluster, image: Image, sites: readonly KnownSite[]): ClusterSpec {
  const majors = majorsOf(image);
  const version = request.version ?? majors.at(-1);
  if (version === undefined || !majors.includes(version)) {
    const message = `must be one of ${majors.join(', ')}: the golden image has no other PostgreSQL`;
    throw new InvalidRequest([{ in: 'body', pointer: '/version', code: 'not_available', message }]);
  }
  const asked = request.storage === undefined ? null : parseStorageSize(request.storage);
  const { plan, cloud, database, owner, allowedIps, deletionProtection } = request;
  const storageBytes = asked ?? findPlan(plan)?.storageBytes ?? 0;
  const backups = policyOf(request.backups, sites, cloud);
  return { plan, version, cloud, storageBytes, database, owner, allowedIps, deletionProtection, backups };
}
