import type { ClusterId, OperationId, ProjectId } from './ids';
import type { Topology } from './plans';
import type { Restored } from './restored';
import type { NodeName } from './topology';

/** A lifecycle operation and its steps, as the inventory keeps them and the API shows them. */

export const OPERATION_KINDS = [
  'provision',
  'delete',
  'backup',
  'restore',
  'drill',
  'begin-backups',
  'configure-backups',
  'restore-in-place',
  'rollback',
  'confirm-restore',
  'create-restore-point',
  'dump',
  'delete-dump',
  'restore-dump',
  'restore-database',
  'switchover',
  'replace-node',
  'recover',
  'restart-node',
  'reinit-node',
  'stop',
  'start',
] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];

/** Operations of one lane of a cluster run one after the other; backups have a lane of their own, and so have dumps. */
export const LANES = ['cluster', 'backup', 'dump'] as const;
export type Lane = (typeof LANES)[number];

export function laneOf(kind: OperationKind): Lane {
  switch (kind) {
    case 'backup':
      return 'backup';
    case 'dump':
    case 'delete-dump':
      return 'dump';
    case 'provision':
    case 'delete':
    case 'restore':
    case 'drill':
    case 'begin-backups':
    case 'configure-backups':
    case 'restore-in-place':
    case 'rollback':
    case 'confirm-restore':
    case 'create-restore-point':
    case 'restore-dump':
    case 'restore-database':
    case 'switchover':
    case 'replace-node':
    case 'recover':
    case 'restart-node':
    case 'reinit-node':
    case 'stop':
    case 'start':
      return 'cluster';
  }
}

/** While one of these runs no backup and no dump begins, and one that runs is overtaken by it. */
export const ENDS_BACKUPS: readonly OperationKind[] = ['delete', 'recover'];

/** While one of these runs no backup and no dump begins, and none of them begins while one of those runs. */
export const EXCLUDES_BACKUPS: readonly OperationKind[] = [
  'begin-backups',
  'restore-in-place',
  'rollback',
  'stop',
  'start',
];

/** They stop the primary themselves: while one of these runs no host is switched off because its primary is silent. */
export const EXCLUDES_FAILOVER: readonly OperationKind[] = ['restore-in-place', 'rollback', 'recover', 'stop', 'start'];

export const OPERATION_STATES = [
  'pending',
  'scheduled',
  'running',
  'waiting',
  'cancelling',
  'succeeded',
  'failed',
  'cancelled',
] as const;
export type OperationState = (typeof OPERATION_STATES)[number];
export const FINAL_STATES = ['succeeded', 'failed', 'cancelled'] as const satisfies readonly OperationState[];

/** The reason of one that waits for somebody's approval begins with it. */
export const APPROVAL = 'approval: ';

export const STEP_STATES = ['pending', 'running', 'succeeded', 'failed', 'skipped', 'undoing', 'undone'] as const;
export type StepState = (typeof STEP_STATES)[number];

export interface Step {
  readonly id: string;
  readonly title: string;
  readonly state: StepState;
  readonly attempt: number;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly lastError: string | null;
  readonly nextRetryAt: string | null;
  readonly progress: string | null;
}

/** A step of a runbook before it runs: what a preview and a new operation show. */
export interface StepTitle {
  readonly id: string;
  readonly title: string;
}

export const OPERATION_CAUSES = ['user', 'schedule', 'autopilot'] as const;
export type OperationCause = (typeof OPERATION_CAUSES)[number];

/** What a restore was ordered to do. */
export interface RestoreOrder {
  /** Name of the cluster. */
  readonly into: string;
  /** Name that one database gets there; null: it is all of them. */
  readonly database: string | null;
  /** For people: `the time …`; null: what a restore in place has kept. */
  readonly target: string | null;
}

/** Of which data node to which one the primary changes. */
export interface Switchover {
  /** Null until it was looked up. */
  readonly from: NodeName | null;
  /** Null until the best one was chosen, where none was asked for. */
  readonly to: NodeName | null;
}

/** Of a node that gets a fresh host. */
export interface Replacement {
  /** The host that it had before; null until it was looked up. */
  readonly former: FormerHost | null;
}

export interface FormerHost {
  /** The cloud's own id. */
  readonly hostId: string | null;
  /** In the private network. */
  readonly privateAddress: string | null;
}

/** Of a cluster that has lost all its data nodes. */
export interface Recovery {
  /** Up to when its backups bring its data back. */
  readonly upTo: string;
  /** The cloud's ids of the hosts that it had. */
  readonly former: Readonly<Record<string, string | null>>;
}

/** The node that an operation is about. */
export interface NodeWork {
  readonly name: NodeName;
  /** What it was when the operation looked at it; null before. */
  readonly was: 'primary' | 'replica' | 'gateway' | null;
  /** What tells the processes of then from those after a restart; null where nothing has to. */
  readonly run: string | null;
}

/** An operation as lists have it: all but its steps, which are many. */
export interface OperationSummary {
  readonly id: OperationId;
  readonly kind: OperationKind;
  readonly projectId: ProjectId;
  readonly clusterId: ClusterId;
  readonly clusterName: string;
  /** Name of the cluster that people know: of one that is thrown away, whose backups it is made from. */
  readonly subject: string;
  /** Null for one that restores nothing. */
  readonly restores: RestoreOrder | null;
  readonly generation: number;
  readonly state: OperationState;
  /** Why it waits (`needs attention: …`, `approval: …`) or ended by itself, or which decision came too late (`cancel was not taken: …`). */
  readonly reason: string | null;
  /** Code and sentence of what ended it, null unless it failed. */
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly cause: OperationCause;
  readonly requestedBy: string;
  readonly cancelable: boolean;
  readonly pointOfNoReturnPassed: boolean;
  /** Title of the step that it is at, see {@link currentStepOf}. */
  readonly currentStep: string | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

export interface Operation extends OperationSummary {
  /** Null for one that restores nothing, or has not come so far. */
  readonly restored: Restored | null;
  /** Null for one that is no switchover. */
  readonly switchover: Switchover | null;
  /** Null for one that replaces no node. */
  readonly replacement: Replacement | null;
  /** Null for one that recovers no cluster, or has not looked yet. */
  readonly recovery: Recovery | null;
  /** Null for one that is about a cluster as a whole. */
  readonly node: NodeWork | null;
  readonly steps: readonly Step[];
}

/** A change of a step or of the operation itself, in the order they happened; `seq` is what SSE resumes by. */
export interface OperationEvent {
  readonly seq: number;
  readonly operationId: OperationId;
  readonly at: string;
  readonly type: 'operation' | 'step' | 'notice';
  /** The step, or the operation (without its steps, which have events of their own), after the change; or a {@link Notice}. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Something that people want to be told of. Channels come later: for now it is an event that names them. */
export interface Notice {
  readonly event: 'success' | 'failure' | 'warning';
  readonly message: string;
  /** Whom to tell; empty where nobody wants to know: what went wrong is told all the same. */
  readonly told: readonly string[];
}

export function isFinal(state: OperationState): boolean {
  return FINAL_STATES.some((final) => final === state);
}

/**
 * Title of the step that an operation is at: the first that is being done or undone, else the one that failed, for which
 * it waits; null before the first step begins and when the operation is over.
 */
export function currentStepOf(state: OperationState, steps: readonly Pick<Step, 'title' | 'state'>[]): string | null {
  if (isFinal(state)) return null;
  const atWork = steps.find((step) => step.state === 'running' || step.state === 'undoing');
  return (atWork ?? steps.find((step) => step.state === 'failed'))?.title ?? null;
}

/** What the API's submission and the entity pass to an operation's workflow. Never a secret. */
export interface OperationInput {
  readonly operationId: OperationId;
  readonly kind: OperationKind;
  readonly clusterId: ClusterId;
  readonly clusterName: string;
  readonly projectId: ProjectId;
  readonly projectName: string;
  readonly generation: number;
  readonly topology: Topology;
  /** For people: `ha-s, PostgreSQL 18`. */
  readonly summary: string;
  /** The node that it is about; none where it is about the cluster as a whole. */
  readonly node?: NodeName;
}

/** A step's or an operation's change, written by the workflow's recording activity. Times are ISO 8601. */
export interface StepChange {
  readonly stepId: string;
  readonly state: StepState;
  readonly at: string;
  readonly error?: string;
}

export interface OperationChange {
  readonly state: OperationState;
  readonly at: string;
  readonly reason?: string;
  readonly error?: { readonly code: string; readonly message: string };
  readonly pointOfNoReturnPassed?: boolean;
}

/** A record that ends an operation from outside: behind every one that the operation itself can have written. */
export const LAST_SEQ = 2 ** 31 - 1;

/** Changes that happened together. `seq` orders records of one operation, so that a late write never undoes a newer one. */
export interface OperationRecord {
  readonly operationId: OperationId;
  readonly seq: number;
  readonly steps: readonly StepChange[];
  readonly operation?: OperationChange;
}
