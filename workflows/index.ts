/** The workflow types that workers register. */
export { clusterWorkflow } from './cluster';
export { deleteCluster } from './delete';
export { provision } from './provision';
