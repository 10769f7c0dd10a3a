import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import { HoldfastError } from '../../domain/errors';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, fencedHostOf } from '../fleet';
import { unlessOutOfReach } from '../host/errors';
import type { Host } from '../host/host';
import { reloadService } from '../host/services';
import { sh } from '../host/shell';
import { archiveCommands } from '../pgbackrest/archive';
import { requireLineage } from '../pgbackrest/lineage';
import { findPrimary, runSql, untilTrue } from '../postgres/psql';
import { sql } from '../postgres/sql';
import type { Backups } from './config';
import { archiveSettings, PATRONI_CONFIG_FILE } from './config';
import { patroniFiles } from './files';

/** PostgreSQL begins to archive its log while it serves, or ends to: a reload is enough. */

type Archive = Backups['archive'];

/** Patroni looks for settings once in a second. */
const FOLLOW_S = 30;

/** See PatroniActivities.beginArchiving. */
export async function beginArchiving(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  const archive = archiveCommands(await requireLineage(fleet, view));
  const primary = fencedHostOf(fleet, at, view, await findPrimary(fleet, view));
  await demandArchiveMode(view, primary);
  // Whoever may become the primary knows how to fetch log, and what to do before, as soon as there is an archive.
  await each(dataNodesOf(view), (node) => tellPatroni(fleet, at, view, node, archive));
  await shareSettings(view, primary, archive);
}

/** See PatroniActivities.endArchiving. */
export async function endArchiving(fleet: Fleet, at: StepRef, view: ClusterView): Promise<void> {
  await shareSettings(view, fencedHostOf(fleet, at, view, await findPrimary(fleet, view)), null);
  // Its absence may be what the operation is cancelled for. An archive that is not there any more is to PostgreSQL one that lacks a segment.
  await each(dataNodesOf(view), (node) => tellPatroni(fleet, at, view, node, null).catch(unlessOutOfReach));
}

/** @throws ARCHIVE_MODE_OFF for a cluster that an older Holdfast made without backups. */
async function demandArchiveMode(view: ClusterView, primary: Host): Promise<void> {
  const query = sql`SELECT current_setting('archive_mode')`;
  const mode = await runSql(view, primary, 'postgres', query, 'see whether it can archive');
  if (mode !== 'on') throw new HoldfastError('ARCHIVE_MODE_OFF', { name: view.cluster.name });
}

/** What it restored with, once, is of no interest any more. */
async function tellPatroni(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  node: ReachableNode,
  archive: Archive,
): Promise<void> {
  const files = await patroniFiles(fleet, view, node, { archive, restore: null });
  await reloadService(fencedHostOf(fleet, at, view, node), 'patroni', files);
}

/** Patroni itself tells all members, also those that are away, as soon as they are back; waits until the primary has followed. */
async function shareSettings(view: ClusterView, primary: Host, archive: Archive): Promise<void> {
  const parameters = { archive_timeout: null, ...archiveSettings(archive) };
  const edit = ['patronictl', '-c', PATRONI_CONFIG_FILE, 'edit-config', '--quiet', '--force', '--apply', '-'];
  await primary.run(sh`runuser -u postgres -- ${edit}`, {
    stdin: `${JSON.stringify({ postgresql: { parameters } })}\n`,
    title: archive ? 'say where the log goes' : 'say that the log goes nowhere',
  });
  const { archive_command: command } = parameters;
  // Of one that can't archive the second is all that it says.
  const followed = sql`SELECT current_setting('archive_command') IN (${command}, '(disabled)')`;
  await untilTrue(view, primary, followed, { title: 'wait until PostgreSQL has followed', timeoutS: FOLLOW_S });
}
