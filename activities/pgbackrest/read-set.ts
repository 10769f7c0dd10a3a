import type { Origin } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import type { TimelineId } from '../../domain/ids';
import type { ReadSet } from '../../domain/restored';
import { readInWords } from '../../domain/restored';
import type { Fleet } from '../fleet';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import type { SetPlace } from '../inventory/backup-tables';

/* `P00   INFO: repo1: restore backup set 20261121-063000F, recovery will start at …`; of several restores the last one counts. */
const SAID = `journalctl --sync
journalctl "$@" --no-pager --output cat |
  sed -n 's/.*repo\\([0-9]*\\): restore backup set \\([0-9A-Z_-]*\\).*/\\1 \\2/p' | tail -n 1`;

/** Where Patroni's bootstrap says it. */
export const OF_PATRONI = ['--unit', 'patroni', '--since', '@0'] as const;

/**
 * Which site and which set a restore read, by pgBackRest's own words.
 *
 * @param journal options of journalctl: where it said them.
 * @returns null where nothing tells.
 */
export async function readFrom(
  { inventory }: Pick<Fleet, 'inventory'>,
  host: Host,
  journal: readonly string[],
  { timelineId, site: asked }: Pick<Origin, 'timelineId' | 'site'>,
): Promise<ReadSet | null> {
  const said = await host.run(sh`sh -c ${SAID} sh ${journal}`, { title: 'see which backup was restored' });
  const [number, setId] = said.trim().split(' ');
  const sites = (await inventory.timelines.get(timelineId))?.sites ?? [];
  const site = sites[Number(number) - 1];
  const [first] = sites;
  if (site === undefined || setId === undefined || first === undefined) return null;
  return { site, setId, insteadOf: asked === null && site !== first ? first : null };
}

/** Writes it down, and shows it with the step. */
export async function tellRead(
  { inventory }: Pick<Fleet, 'inventory'>,
  at: StepRef,
  read: ReadSet | null,
): Promise<void> {
  await inventory.operations.recordRestored(at, { from: read });
  if (read) await inventory.operations.recordProgress(at.operationId, at.stepId, `read ${readInWords(read)}`);
}

/** The set that the data of an operation came from, as {@link tellRead} wrote it down; null where nothing told it. */
export async function setReadBy(
  { inventory }: Pick<Fleet, 'inventory'>,
  { operationId }: StepRef,
  timelineId: TimelineId,
): Promise<SetPlace | null> {
  const read = (await inventory.operations.get(operationId))?.restored?.from ?? null;
  return read && { timelineId, site: read.site, setId: read.setId };
}
