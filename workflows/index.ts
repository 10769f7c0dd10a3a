/** The workflow types that workers register. */
export { checkHost } from './check-host';
export { clusterWorkflow } from './cluster';
export { deleteCluster } from './delete';
export { provision } from './provision';
