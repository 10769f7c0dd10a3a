import type { FoundSet } from '../../activities/inventory/backup-tables';
import type { Timeline } from '../../domain/backups';
import type { Operation } from '../../domain/operations';
import { finish, newCluster, newId, newSubmission, refOf, SPEC } from './inventory';
import type { NewCluster, ScratchInventory } from './inventory';
import { POLICY } from './lineage';

/** Builders of what tests of backups in the inventory write again and again. */

/** A cluster that is ready, with a lineage and nothing in it. */
export interface BackedUpCluster {
  readonly cluster: NewCluster;
  readonly timeline: Timeline;
  /** Orders a full backup of it. */
  backup(): Promise<Operation>;
  /** Orders its deletion. */
  remove(): Promise<Operation>;
}

export async function openBackedUpCluster({ inventory, project }: ScratchInventory): Promise<BackedUpCluster> {
  const plain = newCluster(project, `shop-${newId('clu').slice(-8)}`);
  const cluster: NewCluster = { ...plain, spec: { ...SPEC, backups: POLICY } };
  const { version } = cluster.spec;
  const { operation } = await inventory.operations.submitCreate(cluster, newSubmission(cluster));
  await inventory.timelines.open(refOf(operation), { id: newId('tl'), sites: POLICY.sites, version });
  await inventory.clusters.setStatus(refOf(operation), { state: 'ready' });
  await finish(inventory, operation);
  const timeline = await inventory.timelines.current(cluster.id);
  if (!timeline) throw new Error('no timeline');
  return {
    cluster,
    timeline,
    async backup() {
      const backup = { id: newId('bkp'), timelineId: timeline.id, type: 'full', description: null, version } as const;
      return (await inventory.operations.submit(null, { ...newSubmission(cluster, 'backup'), backup })).operation;
    },
    remove: async () => (await inventory.operations.submit(null, newSubmission(cluster, 'delete'))).operation,
  };
}

/** A set as a store has it: the full one that was taken at that hour. */
export function newSet(hour: number, change: Partial<FoundSet> = {}): FoundSet {
  const time = String(hour).padStart(2, '0');
  const setId = `20261120-${time}0000F`;
  return {
    backupId: null,
    setId,
    type: 'full',
    path: `/backup/${setId}`,
    storedBytes: 1_000,
    databaseBytes: 31_457_280,
    tool: 'pgBackRest 2.60.0',
    startedAt: `2026-11-20T${time}:00:00.000Z`,
    finishedAt: `2026-11-20T${time}:05:00.000Z`,
    startLsn: `0/${hour}000028`,
    stopLsn: `0/${hour}000100`,
    damaged: false,
    ...change,
  };
}
