import { NO_HOOKS } from '../../domain/backup-hooks';
import type { KnownSite } from '../../activities/inventory/backup-tables';
import type { BackupPolicy, Timeline } from '../../domain/backups';
import type { Cluster, ClusterSpec } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { findPlan } from '../../domain/plans';
import { wrongWithStorage } from '../../domain/schemas/clusters';
import type { FieldError } from '../../domain/schemas/problems';
import type { RestoreCluster } from '../../domain/schemas/restores';
import { formatStorageSize, parseStorageSize } from '../../domain/storage-size';
import { canUse, policyOf } from './backup-policy';
import { type Image, majorsOf } from './order';
import { InvalidRequest } from './problem';

/** What a restored cluster will be: what the request says, and the source's for all else. */

/**
 * @param sites in order of preference.
 * @throws VALIDATION_FAILED with every field that does not fit the source; UNAVAILABLE when the image lacks its version.
 */
export function restoredSpec(
  request: RestoreCluster,
  source: Cluster,
  image: Image,
  sites: readonly KnownSite[],
): ClusterSpec {
  const { version, cloud, database, owner } = source.spec;
  const plan = request.plan ?? source.spec.plan;
  const storageBytes = storageOf(request, source.spec, plan);
  const errors = [...wrongVersion(request, source), ...wrongStorage(request, source, plan, storageBytes)];
  if (errors.length > 0) throw new InvalidRequest(errors);
  if (!majorsOf(image).includes(version))
    throw new HoldfastError('UNAVAILABLE', { part: `A golden image with PostgreSQL ${version}` });
  return {
    plan,
    version,
    cloud,
    storageBytes,
    database,
    owner,
    allowedIps: request.allowedIps ?? source.spec.allowedIps,
    deletionProtection: request.deletionProtection,
    backups: backupsOf(request, source, sites),
  };
}

/** @throws VALIDATION_FAILED for a site that the lineage is not on. */
export function requireSite({ site }: Pick<RestoreCluster, 'site'>, timeline: Timeline | null): string | null {
  if (site === undefined || timeline === null) return null;
  if (timeline.sites.includes(site)) return site;
  const message = `has no backups of this cluster: there are ${timeline.sites.join(', ')}`;
  throw new InvalidRequest([wrong('/site', 'no_such_site', message)]);
}

const wrong = (pointer: string, code: string, message: string): FieldError => ({ in: 'body', pointer, code, message });

function wrongVersion({ version }: RestoreCluster, { spec }: Cluster): FieldError[] {
  if (version === undefined || version === spec.version) return [];
  const message = `must be ${spec.version}, the source's: a restore can't change the major version of PostgreSQL; leave it out`;
  return [wrong('/version', 'other_major', message)];
}

/** As much as the source has, or what comes with the plan when that is more. */
function storageOf({ storage }: RestoreCluster, source: ClusterSpec, plan: string): number {
  const asked = storage === undefined ? null : parseStorageSize(storage);
  return asked ?? Math.max(source.storageBytes, findPlan(plan)?.storageBytes ?? 0);
}

function wrongStorage(
  { storage }: RestoreCluster,
  { name, spec }: Cluster,
  planName: string,
  storageBytes: number,
): FieldError[] {
  const plan = findPlan(planName);
  const needed = formatStorageSize(spec.storageBytes);
  if (!plan) return [wrong('/plan', 'no_such_plan', 'is no longer offered: choose another one')];
  if (plan.maxStorageBytes < spec.storageBytes) {
    const most = formatStorageSize(plan.maxStorageBytes);
    const message = `has at most ${most} of storage, and cluster ${name} has ${needed}: choose a larger plan`;
    return [wrong('/plan', 'too_small', message)];
  }
  if (storageBytes < spec.storageBytes)
    return [wrong('/storage', 'too_small', `must be at least ${needed}, which cluster ${name} has`)];
  const problem = storage === undefined ? null : wrongWithStorage(plan, storageBytes);
  return problem === null ? [] : [wrong('/storage', 'custom', problem)];
}

/** The source's, as long as its sites are there, but without its scripts: those were written for that one, not for a copy. */
function backupsOf({ backups }: RestoreCluster, { spec }: Cluster, sites: readonly KnownSite[]): BackupPolicy | null {
  if (backups === undefined && spec.backups !== null && canUse(spec.backups, sites, spec.cloud))
    return { ...spec.backups, hooks: NO_HOOKS };
  return policyOf(backups, sites, spec.cloud);
}
