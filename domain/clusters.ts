import type { BackupPolicy, Origin } from './backups';
import type { ProvenRestore } from './drills';
import type { ClusterId, OperationId, ProjectId } from './ids';
import type { Lane } from './operations';
import type { RestoredFrom } from './restored';
import type { NodeName, NodeRole } from './topology';

/** What a cluster is: what was asked for (spec) and what is (status), apart from one another. */

export const CLOUDS = ['docker', 'static'] as const;
export type CloudName = (typeof CLOUDS)[number];
/** PostgreSQL majors that can be ordered. */
export const MAJORS = ['15', '17', '18'] as const;
export type Major = (typeof MAJORS)[number];

export interface ClusterSpec {
  readonly plan: string;
  readonly version: Major;
  readonly cloud: CloudName;
  readonly storageBytes: number;
  /** The first database and the role that owns it (no superuser). */
  readonly database: string;
  readonly owner: string;
  /** CIDR blocks that may connect, besides the machine of the control plane, which proves that the endpoint works. */
  readonly allowedIps: readonly string[];
  readonly deletionProtection: boolean;
  /** Null: none are taken, because no site was configured when it was ordered, or the order said so. */
  readonly backups: BackupPolicy | null;
}

/** AIP-216: one word for the phase; what is wrong stands in the conditions. `stopped`: on purpose, until it is started. */
export const CLUSTER_STATES = ['creating', 'ready', 'stopped', 'failed', 'deleting', 'deleted'] as const;
export type ClusterState = (typeof CLUSTER_STATES)[number];

export const CONDITION_TYPES = [
  'Ready',
  'StorageSizeEnforced',
  'ResourceLimitsEnforced',
  'FailureDomainsSeparate',
  'EndpointAddressFloats',
  'BackedUp',
  'RestoreProven',
  'Dumped',
  'NodesPresent',
  'Archiving',
  'PrimaryServes',
  'NodesServe',
  'Maintenance',
  'DiskSpace',
  'StandbysStream',
  'GatewaysServe',
  'EtcdWhole',
  'CertificatesValid',
] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

/** `status: false` of any of them is a warning that `message` explains. */
export interface Condition {
  readonly type: ConditionType;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
  /** ISO 8601, UTC. */
  readonly since: string;
}

/** Of something that was not due yet: that is no trouble. */
const NOT_DUE = 'NoneYet';

/** `yes`, `NO` for what somebody should look at, `not yet` for what was not due yet. */
export function conditionInWords({ status, reason }: Pick<Condition, 'status' | 'reason'>): 'yes' | 'NO' | 'not yet' {
  if (status) return 'yes';
  return reason === NOT_DUE ? 'not yet' : 'NO';
}

/** One stable address; several only where the cloud has no floating address (libpq takes lists). */
export interface EndpointAddress {
  readonly host: string;
  /** Direct to the primary (5432 unless the cloud publishes ports elsewhere). */
  readonly primaryPort: number;
  /** Read-only, to the replicas (5433). */
  readonly replicaPort: number;
  /** Pooled by PgBouncer (6432). */
  readonly pooledPort: number;
}

export interface Endpoint {
  readonly addresses: readonly EndpointAddress[];
}

export interface ClusterStatus {
  readonly state: ClusterState;
  readonly conditions: readonly Condition[];
  /** Exact minor that runs, such as `18.6`; null before the first node runs. */
  readonly postgresqlVersion: string | null;
  readonly endpoint: Endpoint | null;
}

export interface Cluster {
  readonly id: ClusterId;
  readonly projectId: ProjectId;
  readonly name: string;
  /** Rises with every accepted change of the spec; the ETag of the API; activities carry it as a fence. */
  readonly generation: number;
  readonly spec: ClusterSpec;
  readonly status: ClusterStatus;
  /** What it was restored from; null when it began empty. */
  readonly origin: Origin | null;
  /** The set that its data began with; null when it began empty. */
  readonly restoredFrom: RestoredFrom | null;
  /** The cluster whose backups it is made from to be thrown away: a drill, or to take a database out. Null for one that somebody ordered. */
  readonly drillOf: ClusterId | null;
  /** Null: no drill has proven yet that its backups can be restored. */
  readonly lastProvenRestore: ProvenRestore | null;
  readonly createdAt: string;
  readonly deletedAt: string | null;
  /** Of one that was deleted: until when it can be undeleted, and restored; null where it cannot, and for one that is there. */
  readonly restorableUntil: string | null;
}

/** How to reach something over the network from the control plane. */
export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

/** Where and as whom the control plane logs in. */
export interface SshAddress extends SocketAddress {
  /** Default `root`. Another one becomes root by `sudo -n`. */
  readonly user?: string;
}

/** One host of a cluster, as the inventory knows it. Fields are null until the host was made. */
export interface ClusterNode {
  readonly clusterId: ClusterId;
  readonly name: NodeName;
  readonly role: NodeRole;
  readonly failureDomain: string;
  /** The cloud's own id of the host. */
  readonly hostId: string | null;
  /** Address inside the cluster's private network. */
  readonly privateAddress: string | null;
  /** Where the control plane reaches sshd of the host. */
  readonly ssh: SshAddress | null;
  /** Pinned public host key in OpenSSH's format (`ssh-ed25519 AAAA…`), or its fingerprint (`SHA256:…`). */
  readonly hostKey: string | null;
  /** Where the machine of the control plane reaches the ports that users connect to, by the host's own port. */
  readonly publicPorts: Readonly<Record<number, SocketAddress>>;
}

/** What every mutating activity is told: for which cluster, operation and step it works, at which generation (the fence). */
export interface StepRef {
  readonly clusterId: ClusterId;
  readonly operationId: OperationId;
  readonly lane: Lane;
  /** Of the lane. */
  readonly generation: number;
  readonly stepId: string;
}

/** Tells activities that change something from others, by their first argument. */
export function isStepRef(value: unknown): value is StepRef {
  return (
    typeof value === 'object' && value !== null && 'operationId' in value && 'stepId' in value && 'generation' in value
  );
}
