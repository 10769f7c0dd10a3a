import type { StepRef } from '../../domain/clusters';
import type { FloatingAddress, HostFacts, RegisteredHost } from '../../domain/hosts';
import type { FloatingAddressId, HostId, ProjectId } from '../../domain/ids';
import type { PlacedHost, WantedHost } from '../../domain/machine-choice';

/** Machines that users have, and addresses that float between them: who has which. */

export interface HostTable {
  /** @throws HOST_EXISTS. */
  register(
    host: Pick<RegisteredHost, 'id' | 'projectId' | 'name' | 'ssh' | 'hostKey' | 'zone' | 'size'>,
  ): Promise<RegisteredHost>;
  get(id: HostId): Promise<RegisteredHost | null>;
  /** By id or by name, within the project. */
  find(projectId: ProjectId, idOrName: string): Promise<RegisteredHost | null>;
  /** In order of their names. */
  list(projectId: ProjectId): Promise<RegisteredHost[]>;
  /**
   * Forgets a machine; with `force` also one that a cluster has, when it is dead for good.
   * @throws NOT_FOUND, HOST_IN_USE.
   */
  remove(projectId: ProjectId, idOrName: string, force: boolean): Promise<RegisteredHost>;
  /** @throws HOST_EXISTS when another host is the same machine. */
  recordFacts(id: HostId, facts: HostFacts): Promise<void>;
  /**
   * Gives each wanted host a machine, all or none; those that have one keep it.
   * @throws CLOUD_FULL, STALE_GENERATION.
   */
  claim(request: ClaimRequest): Promise<readonly HostClaim[]>;
  findClaim(token: string): Promise<HostClaim | null>;
  /** Claims that carry all these tags. */
  listClaims(tags: Readonly<Record<string, string>>): Promise<HostClaim[]>;
  /** Free machines that this cluster had last. */
  listLastHeldBy(cluster: string): Promise<RegisteredHost[]>;
  release(token: string): Promise<void>;
}

export interface ClaimRequest {
  readonly projectId: ProjectId;
  readonly cluster: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly wanted: readonly WantedHost[];
  /** The step that claims; its fence holds. */
  readonly step?: StepRef;
}

/** Which node has which machine. */
export interface HostClaim extends PlacedHost {
  readonly machine: RegisteredHost;
  readonly tags: Readonly<Record<string, string>>;
}

export interface FloatingAddressTable {
  /** @throws ADDRESS_EXISTS. */
  register(address: Pick<FloatingAddress, 'id' | 'projectId' | 'address' | 'prefixLength'>): Promise<FloatingAddress>;
  find(projectId: ProjectId, id: FloatingAddressId): Promise<FloatingAddress | null>;
  list(projectId: ProjectId): Promise<FloatingAddress[]>;
  /** @throws NOT_FOUND, ADDRESS_IN_USE. */
  remove(projectId: ProjectId, id: FloatingAddressId): Promise<FloatingAddress>;
  /** The address that this network has, else a free one of the project, which is then its own; null when none is free. */
  claim(request: AddressClaim): Promise<FloatingAddress | null>;
  ofNetwork(network: string): Promise<FloatingAddress | null>;
  listByTags(tags: Readonly<Record<string, string>>): Promise<FloatingAddress[]>;
  release(network: string): Promise<void>;
}

export interface AddressClaim {
  readonly projectId: ProjectId;
  readonly network: string;
  readonly cluster: string;
  readonly tags: Readonly<Record<string, string>>;
  /** This one where it is free, else any. Default null: any. */
  readonly preferred?: string | null;
}
