import type { BackupStart } from '../../activities/inventory/backup-tables';
import type { Lineage } from '../../activities/pgbackrest/config';
import { BACKUP_PARAMETERS } from '../../activities/pgbackrest/config';
import type { NodeName } from '../../domain/topology';
import type { HookScript } from '../../domain/backup-hooks';
import { NO_HOOKS } from '../../domain/backup-hooks';
import type { BackupCopy, BackupPolicy } from '../../domain/backups';
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
  hooks: NO_HOOKS,
  notify: [],
};

const script = (text: string): HookScript => ({ script: `#!/bin/sh\n${text}\n`, timeoutSeconds: 60 });

/** The same with scripts around each backup, and somebody who is told. */
export const HOOKED: BackupPolicy = {
  ...POLICY,
  hooks: { pre: script('echo "$HOLDFAST_PHASE"'), post: script('echo "$HOLDFAST_PHASE $HOLDFAST_STATE"') },
  notify: [{ event: 'both', to: 'dba' }],
};

/** As a backup begins on a node. */
export const startOn = (node: NodeName, role: BackupStart['role'] = 'primary'): BackupStart => ({
  node,
  role,
  version: '18.6',
  parameters: BACKUP_PARAMETERS,
});

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

/** A copy of a full backup on a site. */
export const copyOn = (site: string, setId: string, removedAt: string | null = null): BackupCopy => ({
  site,
  setId,
  type: 'full',
  path: `/x/${setId}`,
  databaseBytes: null,
  storedBytes: 1,
  startedAt: '2026-11-20T01:00:00.000Z',
  finishedAt: '2026-11-20T01:01:00.000Z',
  startLsn: '0/2000028',
  stopLsn: '0/2000150',
  damaged: false,
  manifestSha256: null,
  lastVerifiedAt: null,
  removedAt,
});
