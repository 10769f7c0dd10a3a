import type { Backup, BackupType } from '../../domain/backups';
import type { Cluster } from '../../domain/clusters';
import type { OperationSummary } from '../../domain/operations';
import { targetInWords } from '../../domain/restore-targets';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import type { Image } from './order';
import { changesOfCreate, check, ESTIMATED_SECONDS, nameCheck, priceOf } from './previews';
import { previewSteps } from './preview-steps';
import { type NewCluster, topologyOf } from './submit';

/** What a backup or a restore would do. */

/** Where no backup of that type was taken yet: a small database. */
const FIRST_BACKUP_SECONDS = 15;
/** Of a restore, on two cores with zstd. */
const BYTES_PER_SECOND = 100 * 1024 ** 2;

/**
 * @param known newest backups of the cluster, for how long this one will take.
 * @param working the operation that is in the way, if any.
 */
export function previewOfBackup(
  { name, spec, status }: Cluster,
  type: BackupType,
  known: readonly Backup[],
  working: OperationSummary | undefined,
): PreviewAnswer {
  const { backups } = spec;
  const ready = status.state === 'ready';
  return {
    kind: 'backup',
    changes: (backups?.sites ?? []).map((site) => ({
      action: 'create',
      what: `${type} backup on ${site}`,
      detail: 'a full one when it is the first there',
    })),
    impact: 'none',
    checks: [
      check(
        'backups-configured',
        backups !== null,
        backups === null
          ? `cluster ${name} has no backups`
          : `cluster ${name} has backups on ${backups.sites.join(', ')}`,
        'a change of its policy gives it backups',
      ),
      check('cluster-ready', ready, `cluster ${name} is ${status.state}`, 'wait until it is ready'),
      check(
        'not-busy',
        !working,
        working ? `operation ${working.id} is in the way` : 'no other backup runs',
        'wait until the operation ends',
      ),
    ],
    steps: previewSteps('backup', spec),
    estimatedSeconds: secondsOfLast(type, known),
    price: null,
  };
}

function secondsOfLast(type: BackupType, known: readonly Backup[]): number {
  const last = known.find((backup) => backup.type === type && backup.finishedAt !== null && backup.error === null);
  if (!last?.finishedAt) return FIRST_BACKUP_SECONDS;
  return Math.max(1, Math.round((Date.parse(last.finishedAt) - Date.parse(last.startedAt)) / 1000));
}

const NOT_ARCHIVED = 'not in the archive yet; the order has it archived, and is refused if it is not there then';

/**
 * @param databaseBytes size of the source as it was last backed up, null when nobody knows.
 * @param isArchived false when the target may be in what the source has not archived yet.
 */
export function previewOfRestore(
  cluster: NewCluster & { readonly origin: NonNullable<NewCluster['origin']> },
  source: Cluster,
  image: Image,
  {
    namesake,
    databaseBytes,
    isArchived,
  }: { readonly namesake: Cluster | null; readonly databaseBytes: number | null; readonly isArchived: boolean },
): PreviewAnswer {
  const { name, spec, origin } = cluster;
  const topology = topologyOf(spec);
  const minor = image.catalogue.postgresql[spec.version];
  const copied = Math.round((databaseBytes ?? 0) / BYTES_PER_SECOND);
  const from = `${source.name}, ${targetInWords(origin.target)}`;
  return {
    kind: 'restore',
    changes: changesOfCreate(name, spec, `PostgreSQL ${minor}, restored from ${from}`),
    impact: 'none',
    checks: [
      nameCheck(name, namesake),
      check('target-inside', true, isArchived ? `${from} can be restored` : `${from}: ${NOT_ARCHIVED}`, ''),
    ],
    steps: previewSteps('restore', spec),
    estimatedSeconds: ESTIMATED_SECONDS.provision[topology] + FIRST_BACKUP_SECONDS + 2 * copied,
    price: priceOf(spec),
  };
}
