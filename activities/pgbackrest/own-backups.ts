import { BACKUP_TYPES } from '../../domain/backups';
import type { BackupPolicy, BackupType } from '../../domain/backups';
import type { ClusterView, ReachableNode } from '../fleet';
import type { Host, HostFile } from '../host/host';
import { BACKGROUND, YIELDING } from '../host/jobs';
import { rootFile } from '../host/services';
import { sh } from '../host/shell';
import { binariesOf, SOCKET_FOLDER } from '../postgres/paths';
import { calendarOf } from './calendar';
import { ANNOTATION, BACKUP_WORDS, FLAGS, FROM_STANDBY, pgbackrest } from './commands';
import { BACKUP_CONFIG_FILE } from './config';
import type { Lineage } from './config';
import { OWN_BACKUP_PROGRAM } from './own-program';

/** Backups that hosts take by themselves, when the control plane has not for too long: a timer on each data node. */

const PROGRAM_FILE = '/etc/holdfast/own-backup.py';
export const OWN_ORDERS_FILE = '/etc/holdfast/own-backup.json';
export const OWN_BACKUP_SERVICE = 'holdfast-own-backup.service';
const TIMER = 'holdfast-own-backup.timer';
const UNITS = '/etc/systemd/system';
const WANTED = `${UNITS}/timers.target.wants/${TIMER}`;
const EVERY = '10min';

/** What {@link OWN_BACKUP_PROGRAM} reads. What was due before this was written counts for nothing. */
export interface OwnOrders {
  readonly pgbackrest: readonly string[];
  /** What follows the repository and the type. */
  readonly words: readonly string[];
  /** Ties the copies of one backup to one another; the time follows. */
  readonly annotation: string;
  readonly repositories: number;
  /** By pgBackRest's names of the types; null: never. */
  readonly calendars: Readonly<Record<string, string | null>>;
  readonly psql: string;
  readonly socket: string;
}

export function ownOrders(
  { cluster }: ClusterView,
  node: Pick<ReachableNode, 'name'>,
  { timeline, repositories }: Pick<Lineage, 'timeline' | 'repositories'>,
  policy: BackupPolicy,
): OwnOrders {
  const calendar = (type: BackupType): string | null => {
    const cron = policy.paused ? null : policy.schedule[type];
    return cron === null ? null : calendarOf(cron, policy.timeZone);
  };
  return {
    pgbackrest: pgbackrest(BACKUP_CONFIG_FILE, timeline.id),
    words: [FROM_STANDBY, ...BACKUP_WORDS],
    annotation: `${ANNOTATION}=${ownAnnotation(node.name)}`,
    repositories: repositories.length,
    calendars: Object.fromEntries(BACKUP_TYPES.map((type) => [FLAGS[type], calendar(type)])),
    psql: `${binariesOf(cluster.spec.version)}/psql`,
    socket: SOCKET_FOLDER,
  };
}

const ownAnnotation = (node: string): string => `own-${node}`;

/** It ends when it has looked; PostgreSQL's user can read what opens the stores. */
const SERVICE = `[Unit]
Description=Holdfast: a backup that is overdue
After=patroni.service

[Service]
Type=oneshot
User=postgres
ExecStart=/bin/sh -c '${YIELDING}exec /usr/bin/python3 ${PROGRAM_FILE} ${OWN_ORDERS_FILE}'
${BACKGROUND.join('\n')}
`;

const TIMER_UNIT = `[Unit]
Description=Holdfast: look for a backup that is overdue

[Timer]
OnActiveSec=${EVERY}
OnUnitInactiveSec=${EVERY}
RandomizedDelaySec=60

[Install]
WantedBy=timers.target
`;

export const ownBackupFiles = (orders: OwnOrders): HostFile[] => [
  rootFile(PROGRAM_FILE, OWN_BACKUP_PROGRAM),
  rootFile(OWN_ORDERS_FILE, `${JSON.stringify(orders, null, 2)}\n`),
  rootFile(`${UNITS}/${OWN_BACKUP_SERVICE}`, SERVICE),
  rootFile(`${UNITS}/${TIMER}`, TIMER_UNIT),
];

/*
 * systemd itself knows whether it has read the units as they are now: whoever died between writing them and this leaves
 * nothing behind. The program and its orders are read anew at each run.
 */
const START_TIMER = `set -eu
case $(systemctl show --property NeedDaemonReload --value -- "$1" "$2") in *yes*) systemctl daemon-reload ;; esac
systemctl add-wants --quiet --no-reload timers.target "$2"
systemctl start -- "$2"
shift 2
rm -f -- "$@"
`;

/** Has the host look for overdue backups from now on, also after a boot, and deletes `gone`. Idempotent. */
export async function startOwnBackups(host: Pick<Host, 'run'>, gone: readonly string[]): Promise<void> {
  await host.run(sh`sh -c ${START_TIMER} sh ${[OWN_BACKUP_SERVICE, TIMER, ...gone]}`, { title: `start ${TIMER}` });
}

/* To systemd it is an error to stop what it does not know, which is so where this has been done before, or is undone too early. */
const STOP_TIMER = `set -eu
units=$1
for unit in "$2" "$3"; do [ ! -e "$units/$unit" ] || systemctl stop -- "$unit"; done
shift 3
rm -f -- "$@"
systemctl daemon-reload
`;

/** Undoes {@link startOwnBackups}; takes away what it reads, too. Idempotent. */
export async function stopOwnBackups(host: Pick<Host, 'run'>): Promise<void> {
  const files = [PROGRAM_FILE, OWN_ORDERS_FILE, `${UNITS}/${OWN_BACKUP_SERVICE}`, `${UNITS}/${TIMER}`, WANTED];
  await host.run(sh`sh -c ${STOP_TIMER} sh ${[UNITS, TIMER, OWN_BACKUP_SERVICE, ...files]}`, {
    title: `stop ${TIMER}`,
  });
}

const LOOKS = 20;
const LOOK_PAUSE_S = 2;

const WAIT = `looks=$2
while [ "$(systemctl is-active -- "$1" || :)" = activating ]; do
  [ "$looks" -gt 0 ] || { echo running; exit 0; }
  looks=$((looks - 1))
  sleep "$3"
done
`;

/** Waits for the backup that a host takes by itself: two to one store at a time are refused by pgBackRest. @param tell that it waits. */
export async function waitForOwnBackup(host: Pick<Host, 'run'>, tell: () => Promise<void>): Promise<void> {
  for (;;) {
    const left = await host.run(sh`sh -c ${WAIT} sh ${[OWN_BACKUP_SERVICE, LOOKS, LOOK_PAUSE_S]}`, {
      title: 'wait for the backup that the host takes by itself',
    });
    if (left.trim() === '') return;
    await tell();
  }
}
