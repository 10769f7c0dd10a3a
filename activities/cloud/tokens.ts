import type { Cluster } from '../../domain/clusters';
import type { NodeName } from '../../domain/topology';
import type { Tags } from './cloud';

/** How what belongs to a cluster is called in its cloud. */

export const networkToken = (cluster: Pick<Cluster, 'id'>): string => `${cluster.id}/network`;
export const hostToken = (cluster: Pick<Cluster, 'id'>, node: NodeName): string => `${cluster.id}/${node}`;

export const tagsOf = (cluster: Pick<Cluster, 'id' | 'name' | 'projectId'>): Tags => ({
  ...clusterTag(cluster),
  'holdfast.cluster-name': cluster.name,
  'holdfast.project': cluster.projectId,
});

/** The tag that all that was ever made for the cluster carries. */
export const clusterTag = ({ id }: Pick<Cluster, 'id'>): Tags => ({ 'holdfast.cluster': id });
