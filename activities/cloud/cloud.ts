import type { CloudName, SocketAddress, SshAddress, StepRef } from '../../domain/clusters';
import type { HostCheck, RegisteredHost } from '../../domain/hosts';
import type { WantedHost } from '../../domain/machine-choice';

/**
 * Who makes hosts, networks, volumes and addresses. One narrow interface; test/system/cloud-contract.ts holds every
 * implementation to it.
 *
 * Every call is idempotent by `token`: a second call with the same token finds what the first one made (also when the
 * first call's answer was lost), and deleting what is not there succeeds. Tokens name a resource within an
 * installation for ever: `<clusterId>/pg-1`.
 *
 * Errors: CLOUD_UNAVAILABLE (retryable), CLOUD_REFUSED and CLOUD_FULL (not).
 */
export interface Cloud {
  readonly name: CloudName;

  /** True where a host can be switched off for sure, and on again, without its help. */
  readonly fences: boolean;

  /** Present where hosts are not made but had: machines of the user's own, without the golden image. */
  readonly machines?: MachinePool;

  /** What this cloud can and cannot do, here and now, for what is made with these tags. */
  describe(within?: Tags): Promise<CloudTraits>;

  /** A private network that hosts of other networks can't reach. */
  createNetwork(spec: NetworkSpec): Promise<Network>;
  deleteNetwork(token: string): Promise<void>;

  /** A floating address of the network, that VRRP may move between its hosts; null where the cloud has none. */
  reserveAddress(networkToken: string): Promise<string | null>;

  /** A host that boots, with its data volume mounted at `/var/lib/postgresql`. Returns when it has been started, not when SSH answers. */
  createHost(spec: HostSpec): Promise<CloudHost>;
  /** Removes the host and its volume. */
  deleteHost(token: string): Promise<void>;
  /** The host of that token, or null. */
  findHost(token: string): Promise<CloudHost | null>;

  /** Power-off is confirmed: when it returns, the host runs nothing any more. */
  powerOff(token: string): Promise<void>;
  powerOn(token: string): Promise<void>;

  /** Everything that carries all these tags, of any kind: the residue check after a deletion. */
  listByTags(tags: Tags): Promise<Resource[]>;
}

/** Machines that a project has: which of them become the hosts of a cluster, and whether they can. */
export interface MachinePool {
  /**
   * Gives each wanted host a machine, all or none, and reserves a floating address for the network where one is free.
   * Idempotent by tokens. Undo: `deleteHost`, `deleteNetwork`. @throws CLOUD_FULL, STALE_GENERATION.
   */
  reserve(request: ReserveRequest): Promise<readonly ReservedHost[]>;
  /** Looks whether what was reserved with these tags can be used, and changes nothing on any machine. Only what is in the way. */
  preflight(tags: Tags): Promise<readonly Obstacle[]>;
  /** Everything that a preflight looks at on one machine, fine or not. */
  check(host: RegisteredHost): Promise<readonly HostCheck[]>;
}

export interface ReserveRequest {
  readonly step: StepRef;
  readonly tags: Tags;
  readonly networkToken: string;
  readonly wanted: readonly WantedHost[];
  /** Of the network. Absent: any. */
  readonly preferred?: PreferredNetwork;
}

export interface ReservedHost {
  readonly token: string;
  readonly failureDomain: string;
}

/** Something that keeps a machine, or all of them, from being used. */
export interface Obstacle extends HostCheck {
  /** Name of the machine; null when it is about all. */
  readonly host: string | null;
}

export type Tags = Readonly<Record<string, string>>;

export interface CloudTraits {
  /** Names of the failure domains, at least one. */
  readonly failureDomains: readonly string[];
  /** False where a volume can grow past its size; `reason` then says why. */
  readonly volumeSize: Enforcement;
  /** Memory and CPU of the plan. */
  readonly resourceLimits: Enforcement;
  /** False where the endpoint can't float between gateways (ports published on loopback). */
  readonly floatingAddress: Enforcement;
}

export type Enforcement = { readonly enforced: true } | { readonly enforced: false; readonly reason: string };

export interface NetworkSpec {
  readonly token: string;
  readonly tags: Tags;
  /** Absent: any. */
  readonly preferred?: PreferredNetwork;
}

/** What a network was that is no more: the same again, as far as nobody has taken it since. */
export interface PreferredNetwork {
  readonly cidr: string;
  readonly floatingAddress: string | null;
}

export interface Network {
  readonly token: string;
  readonly cidr: string;
  /** From which address the machine of the control plane is seen by the network's hosts. */
  readonly controlAddress: string;
}

export interface HostSpec {
  readonly token: string;
  readonly tags: Tags;
  readonly networkToken: string;
  readonly hostname: string;
  readonly failureDomain: string;
  readonly memoryBytes: number;
  readonly cpus: number;
  /** Size of the data volume; null for a host without one. */
  readonly volumeBytes: number | null;
  /** TCP ports that users connect to: published on loopback where the host's address can't be reached directly. */
  readonly publicPorts: readonly number[];
  /** The host's own SSH key, made by the control plane: the private key goes onto the host, the public one is pinned. */
  readonly hostKey: { readonly privatePem: string; readonly publicLine: string };
  /** The control plane's public key, the only one that may log in. */
  readonly authorizedKey: string;
  /** Where the host was that it takes the place of: the same again, as far as nobody has it since. Absent: anywhere. */
  readonly former?: HostPlace;
}

/** Where a host is found. */
export type HostPlace = Pick<CloudHost, 'privateAddress' | 'ssh' | 'publicPorts'>;

export interface CloudHost {
  readonly id: string;
  readonly token: string;
  readonly failureDomain: string;
  readonly running: boolean;
  readonly privateAddress: string;
  /** Where the control plane reaches sshd. */
  readonly ssh: SshAddress;
  /** The key that it proves itself by, where that is not the one of its spec. */
  readonly hostKey?: string;
  /** Where the control plane's machine reaches each of `publicPorts`. */
  readonly publicPorts: Readonly<Record<number, SocketAddress>>;
}

export type ResourceKind = 'host' | 'volume' | 'network' | 'address' | 'loop device' | 'file';

export interface Resource {
  readonly kind: ResourceKind;
  readonly id: string;
}
