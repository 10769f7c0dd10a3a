import type { Cluster, ClusterSpec } from './clusters';
import type { ClusterId, OperationId } from './ids';
import type { Plan } from './plans';
import { PLANS } from './plans';

/** A cluster that is made for a drill: nobody orders one. */
export type DrilledCluster = Pick<Cluster, 'id' | 'projectId' | 'name' | 'spec' | 'origin'>;

/**
 * What is made for a drill of `source`: as small as has room for its data, without backups of its own, and closed to
 * everybody but the machine of the control plane. Where it stops is chosen later.
 */
export function clusterOfDrill(source: Cluster, id: ClusterId, operation: OperationId): DrilledCluster {
  const { version, cloud, storageBytes, database, owner } = source.spec;
  const plan = planOfDrill(storageBytes);
  const spec: ClusterSpec = {
    plan: plan.name,
    version,
    cloud,
    storageBytes: Math.min(Math.max(storageBytes, plan.storageBytes), plan.maxStorageBytes),
    database,
    owner,
    allowedIps: [],
    deletionProtection: false,
    backups: null,
  };
  return { id, projectId: source.projectId, name: `drill-${operation.slice('op_'.length)}`, spec, origin: null };
}

/** The smallest plan of one data node that has room for so much storage; the largest where none has. */
function planOfDrill(storageBytes: number): Plan {
  const single = PLANS.filter(({ topology }) => topology === 'single');
  const plan = single.find(({ maxStorageBytes }) => maxStorageBytes >= storageBytes) ?? single.at(-1);
  if (!plan) throw new TypeError('there is no plan of one data node');
  return plan;
}
