import type { StepRef } from '../../domain/clusters';
import type { Fleet } from '../fleet';
import { fencedHostOf, secretRef, viewCluster } from '../fleet';
import { SYSTEM_ROLES } from '../patroni/hba';
import { isOfWhole, nodesAnswering } from '../power/there';
import { ensureAuthority } from '../secrets/node-certificate';
import { makePassword, scramVerifier } from '../secrets/passwords';
import { SECRET_NAMES } from '../secrets/stored-secrets';
import { endpointOf } from './endpoint';
import { findPrimary, runSql } from './psql';
import { firstDatabaseScript } from './roles';

/** One try of the proof; what is not there by then shows as a failed attempt. */
const PROOF_TIMEOUT_MS = 60_000;

export interface PostgresActivities {
  /**
   * Creates Holdfast's own roles, the owner's role and its database. Idempotent: the script asks for each. Retry:
   * `remote`. Effects: roles, database, the secrets of their passwords. Undo: deleteHost.
   */
  createDatabase(at: StepRef): Promise<void>;
  /**
   * Writes and reads through every port of the endpoint, as a user would, and removes what it wrote.
   * Idempotency: the proof's table is named after the operation. Retry: `remote`. Undo: none needed.
   */
  proveEndpoint(at: StepRef): Promise<void>;
}

export function createPostgresActivities(fleet: Fleet): PostgresActivities {
  return {
    async createDatabase(at) {
      const view = await viewCluster(fleet, at.clusterId);
      const [primary, pooler, owner] = await Promise.all([
        findPrimary(fleet, view),
        fleet.secrets.ensure(secretRef(view.cluster, SECRET_NAMES.role(SYSTEM_ROLES.pooler)), makePassword),
        fleet.secrets.ensure(secretRef(view.cluster, SECRET_NAMES.role(view.cluster.spec.owner)), makePassword),
      ]);
      // The verifier's salt is made by chance at each try: the password stays the same, and so does who may log in.
      const verifiers = { pooler: await scramVerifier(pooler), owner: await scramVerifier(owner) };
      const host = fencedHostOf(fleet, at, view, primary);
      const script = firstDatabaseScript(view.cluster.spec, verifiers);
      await runSql(view, host, 'postgres', script, 'create roles and database');
    },

    async proveEndpoint(at) {
      const view = await viewCluster(fleet, at.clusterId);
      const { cluster } = view;
      // A start does without a gateway that is away.
      const nodes = (await isOfWhole(fleet, at)) ? await nodesAnswering(fleet, view) : view.nodes;
      const [password, authority] = await Promise.all([
        fleet.secrets.read(secretRef(cluster, SECRET_NAMES.role(cluster.spec.owner))),
        ensureAuthority(fleet, cluster),
      ]);
      const hasReplicas = view.plan.topology === 'ha';
      const access = { spec: cluster.spec, hasReplicas, password, caPem: authority.certificatePem };
      const proofId = at.operationId.slice(-12);
      const versions = await Promise.all(
        endpointOf({ ...view, nodes }).addresses.map((address, i) =>
          fleet.proveAddress(address, access, `${proofId}_${i}`, PROOF_TIMEOUT_MS),
        ),
      );
      await fleet.inventory.clusters.setStatus(at, { postgresqlVersion: versions[0] ?? null });
    },
  };
}
