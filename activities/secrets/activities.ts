import type { StepRef } from '../../domain/clusters';
import type { Fleet } from '../fleet';
import { viewCluster } from '../fleet';
import { ensureAuthority } from './node-certificate';

export interface SecretActivities {
  /** Idempotency: the secret `ca` of the cluster. Retry: `quick`. Effects: that secret. Undo: forgetCluster. */
  makeAuthority(at: StepRef): Promise<void>;
}

export function createSecretActivities(fleet: Fleet): SecretActivities {
  return {
    async makeAuthority(at) {
      const { cluster } = await viewCluster(fleet, at.clusterId);
      await ensureAuthority(fleet, cluster);
    },
  };
}
