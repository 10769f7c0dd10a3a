import type { Lineage } from '../../activities/pgbackrest/config';
import type { BackupPolicy } from '../../domain/backups';
import { DEFAULT_DRILL_TIMES } from '../../domain/drills';
import { NO_SCHEDULED_DUMPS } from '../../domain/dump-schedules';
import { DEFAULT_BACKUP_RETENTION, DEFAULT_BACKUP_SCHEDULE } from '../../domain/backups';

/** Backups on the sites that every test has. */
export const POLICY: BackupPolicy = {
  sites: ['primary', 'secondary'],
  schedule: DEFAULT_BACKUP_SCHEDULE,
  drill: DEFAULT_DRILL_TIMES,
  dumps: NO_SCHEDULED_DUMPS,
  timeZone: 'UTC',
  retention: DEFAULT_BACKUP_RETENTION,
  paused: false,
};

/** A lineage as activities see it, for the writers of configuration: nothing behind it. */
export function lineageOn(
  sites: readonly string[],
  overrides: { passphrase?: string; secretKey?: string } = {},
): Lineage {
  const id = 'tl_0000000000000000000000000a';
  return {
    timeline: {
      id,
      projectId: 'prj_0000000000000000000000000a',
      clusterId: 'clu_0000000000000000000000000a',
      version: '18',
      sites,
      createdAt: '2026-11-20T00:00:00.000Z',
      expiresAt: null,
    },
    passphrase: overrides.passphrase ?? 'PASSPHRASE',
    repositories: sites.map((site, i) => ({
      place: {
        site,
        hostEndpoint: i === 0 ? `https://${site}.example.net:7443` : `https://${site}.example.net`,
        region: 'eu-west-3',
        bucket: 'holdfast',
        pathStyle: i === 0,
        caPem: i === 0 ? 'CA OF THE SITE\n' : null,
        path: `/${id}`,
      },
      credentials: { accessKey: `key-${site}`, secretKey: overrides.secretKey ?? `secret-${site}` },
    })),
  };
}
