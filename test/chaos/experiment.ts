import type { Client } from '@temporalio/client';
import { networkToken } from '../../activities/cloud/tokens';
import type { NewBackup } from '../../activities/inventory/backup-tables';
import type { NewDatabaseRestore } from '../../activities/inventory/database-restores';
import type { NewDrill } from '../../activities/inventory/drill-tables';
import type { DumpUse, NewDump } from '../../activities/inventory/dump-tables';
import type { SubmissionResult } from '../../activities/inventory/inventory';
import type { NewRestorePoint } from '../../activities/inventory/restore-points';
import type { NewSwap } from '../../activities/inventory/swap-table';
import type { BackupPolicy, Origin, Timeline } from '../../domain/backups';
import type { CloudName } from '../../domain/clusters';
import type { ClusterId } from '../../domain/ids';
import type { Operation, OperationInput, OperationKind } from '../../domain/operations';
import { isFinal } from '../../domain/operations';
import type { Topology } from '../../domain/plans';
import type { NodeName } from '../../domain/topology';
import { decideOperation } from '../../workflows/operation';
import type { RunbookOf } from '../../workflows/runbook';
import { titlesOf } from '../../workflows/runbook';
import { RUNBOOKS } from '../../workflows/runbooks';
import type { CrashPoint, Execution, Stage } from '../simulation/crash';
import { stageOf } from '../simulation/crash';
import { LAN } from '../simulation/machines';
import { eventually } from '../support/eventually';
import { newCluster, newId, newSubmission, SPEC } from '../support/inventory';
import { HOOKED } from '../support/lineage';
import type { Laboratory, Subject } from './laboratory';
import { PATIENCE, resultOf, submitTo } from './laboratory';
import type { Lane } from './lane';
import { ownerOfMachines } from './machines';

/** One operation from its order to its end, with any number of crashes in it. */

export interface Experiment {
  readonly kind: OperationKind;
  readonly topology: Topology;
  /** Default `docker`. On `static` the subject has to have machines (machines.ts). */
  readonly cloud?: CloudName;
  /** The operation is cancelled when this execution has done its deed and has not told so yet. */
  readonly cancelAt?: Execution;
  /** Where workers die. */
  readonly crashes?: readonly CrashPoint[];
  /** Of an existing cluster; default: a new one. */
  readonly cluster?: OrderedCluster;
  /** What a restore or a drill begins with: a cluster of the same world that has a backup. */
  readonly source?: OrderedCluster;
  /** A restore of a source that was deleted: it comes back under its name. */
  readonly undeletes?: boolean;
  /** Of what is done with one node. */
  readonly node?: NodeName;
  /** What the backups of {@link cluster} are to be like. */
  readonly policy?: BackupPolicy;
}

export type OrderedCluster = ReturnType<typeof newCluster>;

export interface Outcome {
  readonly cluster: OrderedCluster;
  readonly operation: Operation;
  /** How the workflow ended. */
  readonly result: string;
  /** Where no worker died, because none came there. */
  readonly missed: readonly CrashPoint[];
  /** Executions that began, in order. */
  readonly executions: readonly Execution[];
  /** Those of them that began after the cancel was asked for. */
  readonly undoing: readonly Execution[];
  /** What happened in the world since the order. */
  readonly effects: readonly string[];
}

const PLANS: Readonly<Record<Topology, string>> = { single: 'sandbox', ha: 'ha-s' };

/** An operation that was handed over and may still run. */
export interface Running {
  readonly cluster: OrderedCluster;
  readonly input: OperationInput;
  readonly stage: Stage;
  /** Waits until it has ended or stands still. */
  outcome(): Promise<Outcome>;
}

/** Orders an operation and hands it to its cluster's entity. */
export async function begin(
  laboratory: Laboratory,
  { lane, world }: Subject,
  experiment: Experiment,
  runbooks: Runbooks = {},
): Promise<Running> {
  const cluster = experiment.cluster ?? (await clusterOf(laboratory, lane, experiment));
  const input = await order(laboratory, cluster, experiment, runbooks[experiment.kind]);
  const stage = stageOf(world, input.operationId);
  const network = cluster.spec.cloud === 'static' ? LAN : networkToken(cluster);
  const before = world.effects(network).length;
  if (experiment.crashes) stage.arm(experiment.crashes);
  if (experiment.cancelAt !== undefined) stage.hold(experiment.cancelAt);
  await submitTo(laboratory.client, lane.settings.taskQueue, input);
  return {
    cluster,
    input,
    stage,
    async outcome() {
      const result = await resultOf(laboratory, input.operationId);
      const operation = await laboratory.inventory.operations.get(input.operationId);
      if (!operation) throw new Error('the inventory has lost an operation');
      return {
        cluster,
        operation,
        result,
        missed: stage.armed,
        executions: stage.executions,
        undoing: [],
        effects: world.effects(network).slice(before),
      };
    },
  };
}

/** From its order to its end. */
export async function conduct(
  laboratory: Laboratory,
  subject: Subject,
  experiment: Experiment,
  runbooks: Runbooks = {},
): Promise<Outcome> {
  const running = await begin(laboratory, subject, experiment, runbooks);
  const approved = experiment.kind === 'recover' ? approveWhenAsked(laboratory, running.input) : Promise.resolve();
  if (experiment.cancelAt === undefined) return approved.then(() => running.outcome());
  const asked = await cancelWhenHeld(laboratory.client, running.input, running.stage);
  await approved;
  const outcome = await running.outcome();
  return { ...outcome, undoing: outcome.executions.slice(asked) };
}

/** Other runbooks than the product's. */
type Runbooks = Readonly<Partial<Record<OperationKind, RunbookOf>>>;

async function clusterOf(
  laboratory: Laboratory,
  lane: Lane,
  { kind, topology, cloud = SPEC.cloud, source, undeletes = false }: Experiment,
): Promise<OrderedCluster> {
  const project = cloud === 'static' ? await ownerOfMachines(laboratory, lane) : laboratory.project;
  const cluster = newCluster(project, newId('clu').replaceAll('_', '-'));
  // A drill finds out by itself what it is made from, and has no backups of its own.
  if (kind === 'drill') return { ...cluster, spec: { ...SPEC, plan: PLANS[topology], cloud } };
  const origin = source ? { ...(await latestOf(laboratory, source)), undeletes } : null;
  if (undeletes && source) return { ...source, id: cluster.id, origin };
  if (kind === 'restore-database')
    return {
      ...cluster,
      spec: { ...SPEC, plan: PLANS[topology], cloud },
      origin: origin && { ...origin, keepsCredentials: false },
    };
  return { ...cluster, spec: { ...SPEC, plan: PLANS[topology], cloud, backups: HOOKED }, origin };
}

async function latestOf({ inventory }: Laboratory, { id }: OrderedCluster): Promise<Origin> {
  const { id: timelineId } = await lineageOf(inventory, id);
  return {
    clusterId: id,
    timelineId,
    target: { kind: 'latest' },
    site: null,
    keepsCredentials: true,
    undeletes: false,
    onlyDatabase: null,
  };
}

async function lineageOf(inventory: Laboratory['inventory'], id: ClusterId): Promise<Timeline> {
  const timeline = await inventory.timelines.current(id);
  if (!timeline) throw new Error('a cluster without backups');
  return timeline;
}

async function order(
  { inventory }: Laboratory,
  cluster: OrderedCluster,
  { kind, topology, source, policy, node }: Experiment,
  runbook: RunbookOf = RUNBOOKS[kind].runbook,
): Promise<OperationInput> {
  const draft = newSubmission(cluster, kind);
  const submission = {
    ...draft,
    operation: { ...draft.operation, topology, ...(node && { node }) },
    steps: titlesOf(runbook({ topology, ...(node && { node }) })),
    ...(await swapOf(inventory, cluster, kind)),
    ...(kind === 'switchover' && { switchTo: null }),
    ...(kind === 'create-restore-point' && { restorePoint: await newPoint(inventory, cluster) }),
    ...(policy && { backupPolicy: policy }),
    ...(kind === 'backup' && { backup: await newBackup(inventory, cluster) }),
    ...(kind === 'drill' && source && { drill: await newDrill(inventory, source) }),
    ...(kind === 'dump' && { dump: await newDump(inventory, cluster) }),
    ...(kind === 'restore-database' && source && (await extractOf(inventory, source))),
    ...((kind === 'delete-dump' || kind === 'restore-dump') && { dumpUse: await useOf(inventory, cluster, kind) }),
  };
  const submit = (): Promise<SubmissionResult> =>
    ['provision', 'restore', 'drill', 'restore-database'].includes(kind)
      ? inventory.operations.submitCreate(cluster, submission)
      : inventory.operations.submit(null, submission);
  const { operation } = await submit();
  return { ...submission.operation, generation: operation.generation };
}

/** A restore in place of what is there now, or what undoes the last one. */
async function swapOf(
  inventory: Laboratory['inventory'],
  { id }: OrderedCluster,
  kind: OperationKind,
): Promise<{ readonly swap?: NewSwap }> {
  if (kind !== 'restore-in-place' && kind !== 'rollback') return {};
  const { id: timelineId } = await lineageOf(inventory, id);
  const kept = kind === 'rollback' ? await inventory.swaps.kept(id) : null;
  const target = kind === 'rollback' ? null : ({ kind: 'latest' } as const);
  return { swap: { timelineId, target, site: null, undoes: kept?.operationId ?? null } };
}

async function newPoint(inventory: Laboratory['inventory'], { id }: OrderedCluster): Promise<NewRestorePoint> {
  return { timelineId: (await lineageOf(inventory, id)).id, name: newId('evt') };
}

async function newBackup(inventory: Laboratory['inventory'], { id, spec }: OrderedCluster): Promise<NewBackup> {
  const timeline = await lineageOf(inventory, id);
  return { id: newId('bkp'), timelineId: timeline.id, type: 'full', description: null, version: spec.version };
}

async function newDrill(inventory: Laboratory['inventory'], { id: clusterId }: OrderedCluster): Promise<NewDrill> {
  return { id: newId('drl'), clusterId, timelineId: (await lineageOf(inventory, clusterId)).id };
}

async function newDump(inventory: Laboratory['inventory'], { id, spec }: OrderedCluster): Promise<NewDump> {
  const timeline = await lineageOf(inventory, id);
  const { database, version } = spec;
  return { id: newId('dmp'), timelineId: timeline.id, database, description: null, version };
}

/** Of the source itself, into a database of another name. */
async function extractOf(
  inventory: Laboratory['inventory'],
  source: OrderedCluster,
): Promise<{ readonly dump: NewDump; readonly databaseRestore: NewDatabaseRestore }> {
  const { id, spec } = source;
  const databaseRestore = { from: id, into: id, source: spec.database, database: 'copy', replace: true };
  return { dump: await newDump(inventory, source), databaseRestore };
}

/** The newest dump that is there. */
async function useOf(
  inventory: Laboratory['inventory'],
  { id, spec }: OrderedCluster,
  kind: 'delete-dump' | 'restore-dump',
): Promise<DumpUse> {
  const [dump] = await inventory.dumps.listGood(id);
  if (!dump) throw new Error('a cluster without dumps');
  const restore = { source: spec.database, database: 'copy', replace: true };
  return { dumpId: dump.id, restore: kind === 'restore-dump' ? restore : null };
}

/** Approves what the operation asks for, where it comes so far. */
export async function approveWhenAsked(
  { client, inventory }: Pick<Laboratory, 'client' | 'inventory'>,
  { operationId }: OperationInput,
): Promise<void> {
  const look = async (): Promise<Operation['state']> =>
    (await inventory.operations.get(operationId))?.state ?? 'pending';
  const reached = await eventually(async () => {
    const state = await look();
    return (state === 'waiting' || isFinal(state)) && state;
  }, PATIENCE);
  if (reached !== 'waiting') return;
  await client.workflow.getHandle(operationId).signal(decideOperation, 'approve');
  await eventually(async () => (await look()) !== 'waiting', PATIENCE);
}

/** @returns how many executions had begun by then. */
async function cancelWhenHeld(client: Client, { operationId }: OperationInput, stage: Stage): Promise<number> {
  await eventually(() => stage.isHolding, { everyMs: 20 });
  const begun = stage.executions.length;
  await client.workflow.getHandle(operationId).signal(decideOperation, 'cancel');
  return begun;
}

export const prefixOf = (clusterId: ClusterId): string => `${clusterId}/`;
