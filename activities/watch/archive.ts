import type { Archiving, ArchivingCondition } from '../../domain/archiving';
import { gapCondition, judgeArchiving } from '../../domain/archiving';
import type { ClusterId } from '../../domain/ids';
import type { Fleet } from '../fleet';
import { viewCluster } from '../fleet';
import type { WatchedCluster } from '../inventory/archiving-table';
import type { Continuity } from './continuity';
import { findContinuity } from './continuity';
import type { Probe, Seen } from './probe';
import { probeArchive } from './probe';
import { createRestorableWatch } from './restorable';

/** What the watch keeps in mind of a cluster from look to look; all of it can be found anew. */
interface Memory extends Seen {
  readonly written: { readonly atMs: number; readonly figures: Archiving } | null;
  /** When the stores were last asked whether the archive is whole. */
  readonly askedAtMs: number;
  /** What was the case when they last said so: see {@link occasionOf}. */
  readonly wholeWhen: string | null;
}

const NOTHING: Memory = {
  node: null,
  segment: null,
  lagMs: null,
  lastError: null,
  written: null,
  askedAtMs: 0,
  wholeWhen: null,
};

/** Figures that stay the same are written so seldom, and ones that change at most so often. */
const SAME_MS = 60_000;
const CHANGED_MS = 20_000;
/** An archive that may have a gap is listed so often at most. */
const ASK_MS = 30_000;

/** Looks at the archive of a cluster, and writes down what is new. @throws what a host, a store or the inventory does. */
export function createArchiveWatch(fleet: Fleet, signal: AbortSignal): (cluster: WatchedCluster) => Promise<void> {
  const memories = new Map<ClusterId, Memory>();
  const tellRestorable = createRestorableWatch(fleet);
  return async (cluster) => {
    const { clusterId } = cluster;
    const before = memories.get(clusterId) ?? NOTHING;
    const view = await viewCluster(fleet, clusterId);
    const probe = await probeArchive(fleet, view, cluster, before, signal);
    // While it fails over, or an operation has it stopped.
    if (!probe) return;
    const { node, figures } = probe;
    const { lagMs, lastError } = figures;
    const memory = { ...before, node, segment: probe.segment ?? before.segment, lagMs, lastError };
    memories.set(clusterId, memory);
    const judged = judgeArchiving(figures, cluster.sites);
    if (isDue(memory, figures, judged.reason !== cluster.told?.reason)) {
      await fleet.inventory.archiving.record(clusterId, figures);
      memories.set(clusterId, { ...memory, written: { atMs: Date.now(), figures } });
    }
    const condition = judged.status ? await wellOrGap(cluster, probe, judged) : judged;
    await tellRestorable(cluster, probe.newestCommit, condition);
    if (condition && (condition.reason !== cluster.told?.reason || condition.message !== cluster.told.message))
      await fleet.inventory.archiving.tell(clusterId, condition);
  };

  /** Figures that are well say nothing of what was given up, or lost with a node. @returns null while nobody can say. */
  async function wellOrGap(
    cluster: WatchedCluster,
    probe: Probe,
    well: ArchivingCondition,
  ): Promise<ArchivingCondition | null> {
    const memory = memories.get(cluster.clusterId) ?? NOTHING;
    if (cluster.told?.reason === well.reason && memory.wholeWhen === occasionOf(probe)) return well;
    if (cluster.busy || Date.now() - memory.askedAtMs < ASK_MS) return null;
    const asked = { ...memory, askedAtMs: Date.now(), wholeWhen: null };
    memories.set(cluster.clusterId, asked);
    const continuity = await findContinuity(fleet, cluster, probe.segment);
    if (continuity.state === 'whole') memories.set(cluster.clusterId, { ...asked, wholeWhen: occasionOf(probe) });
    return conditionOf(fleet, cluster, continuity, well);
  }
}

/** Orders the backup that ends a gap. @returns null while nobody can say. */
async function conditionOf(
  fleet: Fleet,
  { clusterId, paused }: WatchedCluster,
  continuity: Continuity,
  well: ArchivingCondition,
): Promise<ArchivingCondition | null> {
  if (continuity.state !== 'broken') return continuity.state === 'whole' ? well : null;
  if (!paused) await fleet.schedules.trigger(clusterId, 'incremental', occasionOfGap(continuity.from));
  return gapCondition(continuity.from, paused);
}

/** One backup is taken of it, however often it is asked for; where that has failed, another one in the next hour. */
const occasionOfGap = (from: string): string =>
  `gap-${from.replace('/', '-')}-${new Date().toISOString().slice(0, 'yyyy-mm-ddThh'.length).replace(/\D/g, '')}`;

/** With it, a gap may have come since the stores were asked. */
const occasionOf = ({ node, gaveUpAt }: Probe): string => `${node} ${gaveUpAt ?? 'never'}`;

function isDue({ written }: Memory, figures: Archiving, isNew: boolean): boolean {
  if (written === null || isNew) return true;
  const age = Date.now() - written.atMs;
  return age >= (hasChanged(written.figures, figures) ? CHANGED_MS : SAME_MS);
}

function hasChanged(before: Archiving, { lastArchivedAt, oldestWaitingSince, lastError }: Archiving): boolean {
  return (
    before.lastArchivedAt !== lastArchivedAt ||
    before.oldestWaitingSince !== oldestWaitingSince ||
    before.lastError !== lastError
  );
}
