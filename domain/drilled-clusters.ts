import type { Cluster, ClusterSpec } from './clusters';
import { ROOM_FOR_DUMP } from './database-restores';
import type { ClusterId, OperationId } from './ids';
import type { Plan } from './plans';
import { PLANS } from './plans';

/** A cluster that is made to be thrown away: nobody orders one. */
export type ThrowawayCluster = Pick<Cluster, 'id' | 'projectId' | 'name' | 'spec' | 'origin'>;

/**
 * What is made for a drill of `source`: as small as has room for its data, without backups of its own, and closed to
 * everybody but the machine of the control plane. Where it stops is chosen later.
 */
export const clusterOfDrill = (source: Cluster, id: ClusterId, operation: OperationId): ThrowawayCluster =>
  throwaway(source, { id, name: `drill-${operation.slice('op_'.length)}`, storageBytes: source.spec.storageBytes });

/** What is made to take one database out of the backups of `source`: the same, with room for a dump beside the data. */
export const clusterOfExtract = (source: Cluster, id: ClusterId, operation: OperationId): ThrowawayCluster =>
  throwaway(source, {
    id,
    name: `extract-${operation.slice('op_'.length)}`,
    storageBytes: Math.ceil((source.spec.storageBytes * ROOM_FOR_DUMP) / MIB) * MIB,
  });

const MIB = 1024 ** 2;

function throwaway(
  source: Cluster,
  { id, name, storageBytes }: Pick<Cluster, 'id' | 'name'> & { readonly storageBytes: number },
): ThrowawayCluster {
  const { version, cloud, database, owner } = source.spec;
  const plan = planOfDrill(storageBytes);
  const spec: ClusterSpec = {
    plan: plan.name,
    version,
    cloud,
    // More than can be ordered, where the source has all that can be: a dump of it is to fit beside the data.
    storageBytes: Math.max(storageBytes, plan.storageBytes),
    database,
    owner,
    allowedIps: [],
    deletionProtection: false,
    backups: null,
  };
  return { id, projectId: source.projectId, name, spec, origin: null };
}

/** The smallest plan of one data node that has room for so much storage; the largest where none has. */
function planOfDrill(storageBytes: number): Plan {
  const single = PLANS.filter(({ topology }) => topology === 'single');
  const plan = single.find(({ maxStorageBytes }) => maxStorageBytes >= storageBytes) ?? single.at(-1);
  if (!plan) throw new TypeError('there is no plan of one data node');
  return plan;
}
