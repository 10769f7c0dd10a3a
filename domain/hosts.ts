import type { SshAddress } from './clusters';
import type { FloatingAddressId, HostId, ProjectId } from './ids';
import type { NodeRole } from './topology';

/** Machines that users have and lend to Holdfast: the hosts of the cloud `static`. */

export interface HostSize {
  readonly memoryBytes: number;
  readonly cpus: number;
  /** Room for data, besides the software. */
  readonly storageBytes: number;
}

export interface RegisteredHost {
  readonly id: HostId;
  readonly projectId: ProjectId;
  /** Unique in its project. */
  readonly name: string;
  readonly ssh: Required<SshAddress>;
  /** `SHA256:…` or `ssh-ed25519 AAAA…`. */
  readonly hostKey: string;
  /** The failure domain: machines of one zone may be lost together. */
  readonly zone: string;
  readonly size: HostSize;
  /** What its last check that got in saw; null before. */
  readonly facts: HostFacts | null;
  /** Id of the cluster that has it now. */
  readonly cluster: string | null;
  /** Nodes of that cluster that live on it. */
  readonly nodes: readonly string[];
  readonly registeredAt: string;
}

/** What a machine says of itself. */
export interface HostFacts {
  /** Content of /etc/machine-id: the same machine at another address has the same. */
  readonly machineId: string;
  /** The machine's own address on the network by which the control plane came. */
  readonly privateAddress: string;
  /** From which address the control plane was seen. */
  readonly controlAddress: string;
  /** Where sshd listens on the machine itself. */
  readonly sshPort: number;
}

/** An address that keepalived may move between the machines of one cluster. */
export interface FloatingAddress {
  readonly id: FloatingAddressId;
  readonly projectId: ProjectId;
  readonly address: string;
  /** Length of the prefix of the network that it is in. */
  readonly prefixLength: number;
  /** Id of the cluster that has it now. */
  readonly cluster: string | null;
  readonly registeredAt: string;
}

/** What a machine is wanted for. */
export interface HostNeeds {
  readonly role: NodeRole;
  readonly memoryBytes: number;
  readonly cpus: number;
  /** 0 for a host without data. */
  readonly storageBytes: number;
}

/** One thing that was looked at on a machine, in plain words. */
export interface HostCheck {
  /** Stable; programs decide by it. */
  readonly id: string;
  readonly ok: boolean;
  /** What is. */
  readonly message: string;
  /** What to do when it is not ok. */
  readonly remedy: string | null;
}
