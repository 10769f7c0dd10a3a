import { ScheduleOverlapPolicy } from '@temporalio/client';
import type { ScheduleOptions } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { SearchAttributePair } from '@temporalio/common';
import { dumpsInWords } from '../../domain/backup-words';
import type { BackupPolicy, BackupType } from '../../domain/backups';
import { BACKUP_TYPES } from '../../domain/backups';
import type { ClusterId } from '../../domain/ids';
import {
  backupScheduleId,
  drillScheduleId,
  dumpScheduleId,
  HOUSEKEEPING_SCHEDULE,
  SCHEDULED_WORKFLOWS,
  SEARCH_ATTRIBUTES,
} from '../../domain/names';
import type { OperationKind } from '../../domain/operations';
import type { ScheduledCluster, ScheduledType } from './schedules';

/** What the Schedules of Temporal are told: when which workflow begins, and what happens when it can't. */

/** Backups of many clusters that are due in the same minute begin within this time. */
const JITTER = '60s';
/** Each drill makes hosts: those of many clusters are spread over the night. */
const DRILL_JITTER = '3h';
/** A dump reads and compresses everything, and loses nothing by being a little later. */
const DUMP_JITTER = '10m';
/** Every Schedule's: what was missed while Temporal was away is taken when it comes back soon, and left to the next one else. */
const POLICIES = {
  overlap: ScheduleOverlapPolicy.BUFFER_ONE,
  catchupWindow: '1h',
  pauseOnFailure: false,
} as const satisfies ScheduleOptions['policies'];
/** Of what always begins anew: one that is due while another one runs would have the same. */
const SKIPPING = { ...POLICIES, overlap: ScheduleOverlapPolicy.SKIP } as const;
/** Behind the backups of the full hour, which it looks at. */
const HOUSEKEEPING_CRON = '37 * * * *';

export const idsOf = (clusterId: ClusterId): { readonly type: ScheduledType; readonly scheduleId: string }[] => [
  ...BACKUP_TYPES.map((type) => ({ type, scheduleId: backupScheduleId(clusterId, type) })),
  { type: 'drill', scheduleId: drillScheduleId(clusterId) },
  { type: 'dump', scheduleId: dumpScheduleId(clusterId) },
];

/** All that a cluster can have; null for what its policy does not want. */
export function wantedBy(
  cluster: ScheduledCluster,
  policy: BackupPolicy,
  taskQueue: string,
): readonly { readonly scheduleId: string; readonly options: ScheduleOptions | null }[] {
  const of = (scheduleId: string, cron: string | null, rest: Omit<Wanted, 'scheduleId' | 'cron'>) => ({
    scheduleId,
    options: cron === null ? null : scheduleOf(cluster, policy, { scheduleId, cron, ...rest }, taskQueue),
  });
  const { schedule, drill, dumps } = policy;
  return [
    ...BACKUP_TYPES.map((type) => of(backupScheduleId(cluster.id, type), schedule[type], backupsOf(cluster, type))),
    of(drillScheduleId(cluster.id), drill, {
      kind: 'drill',
      workflowType: SCHEDULED_WORKFLOWS.drill,
      args: { clusterId: cluster.id },
      jitter: DRILL_JITTER,
      policies: SKIPPING,
      note: `drills of ${cluster.name}`,
      summary: `drill of ${cluster.name}`,
    }),
    of(dumpScheduleId(cluster.id), dumps.schedule, {
      kind: 'dump',
      workflowType: SCHEDULED_WORKFLOWS.dump,
      args: { clusterId: cluster.id },
      jitter: DUMP_JITTER,
      policies: SKIPPING,
      note: `dumps of ${cluster.name}: ${dumpsInWords(dumps)}`,
      summary: `dump of ${cluster.name}`,
    }),
  ];
}

const backupsOf = (cluster: ScheduledCluster, type: BackupType): Omit<Wanted, 'scheduleId' | 'cron'> => ({
  kind: 'backup',
  workflowType: SCHEDULED_WORKFLOWS.backup,
  args: { clusterId: cluster.id, type },
  jitter: JITTER,
  policies: POLICIES,
  note: `${type} backups of ${cluster.name}`,
  summary: `${type} backup of ${cluster.name}`,
});

interface Wanted {
  readonly scheduleId: string;
  readonly cron: string;
  readonly kind: OperationKind;
  readonly workflowType: string;
  readonly args: Readonly<Record<string, string>>;
  readonly jitter: typeof JITTER | typeof DRILL_JITTER | typeof DUMP_JITTER;
  readonly policies: NonNullable<ScheduleOptions['policies']>;
  readonly note: string;
  readonly summary: string;
}

function scheduleOf(
  cluster: ScheduledCluster,
  { timeZone, paused }: BackupPolicy,
  { scheduleId, cron, kind, workflowType, args, jitter, policies, note, summary }: Wanted,
  taskQueue: string,
): ScheduleOptions {
  const typedSearchAttributes = attributesOf(cluster, kind);
  return {
    scheduleId,
    spec: { cronExpressions: [`${cron} #${cron}`], timezone: timeZone, jitter },
    policies,
    state: { paused, note: `${note}${paused ? ', paused' : ''}` },
    typedSearchAttributes,
    action: {
      type: 'startWorkflow',
      workflowType,
      workflowId: scheduleId,
      taskQueue,
      args: [args],
      typedSearchAttributes,
      staticSummary: summary,
    },
  };
}

const keyword = (name: string, value: string): SearchAttributePair => ({
  key: defineSearchAttributeKey(name, SearchAttributeType.KEYWORD),
  value,
});

const attributesOf = (cluster: ScheduledCluster, kind: OperationKind): SearchAttributePair[] => [
  keyword(SEARCH_ATTRIBUTES.cluster, cluster.name),
  keyword(SEARCH_ATTRIBUTES.project, cluster.projectName),
  keyword(SEARCH_ATTRIBUTES.kind, kind),
];

export function housekeepingSchedule(taskQueue: string): ScheduleOptions {
  return {
    scheduleId: HOUSEKEEPING_SCHEDULE,
    spec: { cronExpressions: [HOUSEKEEPING_CRON], jitter: JITTER },
    policies: POLICIES,
    state: { note: 'removes backups of deleted clusters, finds backups that are overdue' },
    action: {
      type: 'startWorkflow',
      workflowType: SCHEDULED_WORKFLOWS.housekeeping,
      workflowId: HOUSEKEEPING_SCHEDULE,
      taskQueue,
      args: [],
      staticSummary: 'housekeeping',
    },
  };
}
