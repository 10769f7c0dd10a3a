import { Context } from '@temporalio/activity';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { PayloadCodec } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import { FAILURE_CONVERTER } from '../../workers/worker';
import type { Activities } from '../../activities';
import type { OperationInput, OperationRecord } from '../../domain/operations';
import { bundleWorkflows } from '../../workers/bundle';
import type { BundleParts } from '../../workers/bundle';
import { eventually } from './eventually';
import { startTemporal } from './temporal';

/**
 * The real workflows on a real Temporal server with scripted activities: for tests of what the engine does with their
 * success, failure and cancellation.
 */
export interface ScriptedTemporal {
  readonly temporal: TestWorkflowEnvironment;
  /**
   * Runs a worker while `act` runs; what it called and recorded grows in the run that `act` is given.
   *
   * @param codec of the worker: it sees what the workflows are about to tell the server. Default: none.
   * @param taskQueue of the worker; default: one of its own.
   */
  withWorker<T>(
    behave: Behaviour,
    act: (run: ScriptedRun) => Promise<T>,
    codec?: PayloadCodec,
    taskQueue?: string,
  ): Promise<T>;
  stop(): Promise<void>;
}

/** What an activity does and gives; of `recordOperation`, before the run has the record. */
export type Behaviour = (call: { name: string; args: unknown[]; times: number }) => unknown;

export interface ScriptedRun {
  /** A provision of a cluster of its own. */
  readonly input: OperationInput;
  readonly taskQueue: string;
  /** Activities in the order of their calls, with the node that they were about. */
  readonly calls: string[];
  readonly records: OperationRecord[];
}

/** Every activity but the one that records, which is no call of the run: a new one is scripted by its name here, or the types complain. */
const SCRIPTED: Readonly<Record<Exclude<keyof Activities, 'recordOperation'>, true>> = {
  placeNodes: true,
  releasePlaces: true,
  checkCloud: true,
  checkHost: true,
  checkSites: true,
  lookAtWindow: true,
  prepareHosts: true,
  prepareHost: true,
  createNetwork: true,
  deleteNetwork: true,
  createHost: true,
  deleteHost: true,
  checkResidue: true,
  joinEtcd: true,
  leaveEtcd: true,
  joinEtcdAgain: true,
  startPatroni: true,
  startReplica: true,
  waitForPrimary: true,
  waitForQuorum: true,
  beginArchiving: true,
  endArchiving: true,
  createDatabase: true,
  proveEndpoint: true,
  openGateway: true,
  startExporters: true,
  startExportersOn: true,
  makeAuthority: true,
  openLineage: true,
  closeLineage: true,
  closeArchive: true,
  expireBackups: true,
  prepareStanza: true,
  takeBackup: true,
  runPreScript: true,
  runPostScript: true,
  recordBackups: true,
  findSource: true,
  waitForData: true,
  checkData: true,
  markLog: true,
  forgetPoint: true,
  declareReady: true,
  declareDeleting: true,
  forgetCluster: true,
  scheduleBackups: true,
  unscheduleBackups: true,
  openBackup: true,
  openNewSites: true,
  tellHosts: true,
  untellHosts: true,
  prepareNewStores: true,
  putBackPolicy: true,
  closeNewSites: true,
  leaveSites: true,
  removeExpiredLineages: true,
  chooseStandby: true,
  checkOthers: true,
  handOver: true,
  fenceHost: true,
  deleteFormerHost: true,
  tellAddress: true,
  tellOfBackups: true,
  declareReplaced: true,
  writeOut: true,
  switchOver: true,
  lookAtNode: true,
  writeOutNode: true,
  restartProcesses: true,
  markData: true,
  copyAnew: true,
  demandStoppable: true,
  archiveLog: true,
  declareStopped: true,
  declareServing: true,
  stopPostgres: true,
  startPostgres: true,
  switchOff: true,
  switchOn: true,
  pauseBackups: true,
  closeGateway: true,
  checkRoom: true,
  makeAside: true,
  replayAside: true,
  prepareAside: true,
  checkAside: true,
  copyAside: true,
  closeAside: true,
  removeAside: true,
  startOld: true,
  stopOld: true,
  exchangeData: true,
  startNew: true,
  keepOld: true,
  releaseOld: true,
  removeKeptData: true,
  bringInNodes: true,
  removeLeftExtracts: true,
  findOverdueBackups: true,
  findOverdueDrills: true,
  findOverdueDumps: true,
  removeAbandonedDrills: true,
  openDrill: true,
  openDump: true,
  choosePoint: true,
  examineRestore: true,
  proveDrill: true,
  prepareDumper: true,
  takeDump: true,
  storeDump: true,
  copyDump: true,
  clearDump: true,
  evictDumps: true,
  deleteDump: true,
  checkDumpRestore: true,
  restoreDump: true,
  dropRestoredDump: true,
  swapDatabases: true,
  clearDumpRestore: true,
  openExtractRestore: true,
  findExtractRestore: true,
  requireExtractRestored: true,
  requireExtractEnded: true,
  deleteExtract: true,
  lookAtLoss: true,
  waitForReturn: true,
  demandLost: true,
  deleteLostHost: true,
  watchClusters: true,
};

/**
 * @param dynamicConfig as {@link startTemporal} takes it.
 * @param parts what is put in the place of the product's own modules.
 */
export async function startScriptedTemporal(
  dynamicConfig: Readonly<Record<string, number>> = {},
  parts: BundleParts = {},
): Promise<ScriptedTemporal> {
  const [temporal, code] = await Promise.all([startTemporal(dynamicConfig), bundleWorkflows(parts)]);
  let serial = 0;
  const workers: Worker[] = [];
  return {
    temporal,
    async stop() {
      // A test that was given up has left its worker: without a server it would try again for long.
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      await eventually(() => workers.every((worker) => worker.getState() === 'STOPPED'));
      await temporal.teardown();
    },
    async withWorker(behave, act, codec, taskQueue = `test-${serial + 1}`) {
      const run: ScriptedRun = { input: provisionInput(++serial), taskQueue, calls: [], records: [] };
      const worker = await Worker.create({
        connection: temporal.nativeConnection,
        taskQueue: run.taskQueue,
        workflowBundle: { code },
        maxHeartbeatThrottleInterval: '100ms',
        dataConverter: { failureConverterPath: FAILURE_CONVERTER, payloadCodecs: codec ? [codec] : [] },
        activities: scriptedActivities(run, behave),
      });
      workers.push(worker);
      return worker.runUntil(act(run));
    },
  };
}

const nothing = (): object => ({ operation: null, reason: 'nothing is wanted' });

/** What a workflow cannot go on without. */
const GIVEN: Readonly<Record<string, (input: OperationInput) => object | string>> = {
  openBackup: nothing,
  openDrill: nothing,
  openDump: nothing,
  lookAtLoss: () => 'all is lost',
  openExtractRestore: (input) => ({
    ...input,
    operationId: `${input.operationId}-into`,
    clusterId: `${input.clusterId}-into`,
    kind: 'restore-dump',
  }),
};

/** They wait for what does not happen. */
const UNENDING = ['waitForReturn'];

function untilCancelled(): Promise<never> {
  const context = Context.current();
  // A cancel is the answer to a heartbeat.
  const heart = setInterval(() => context.heartbeat(), 50);
  return context.cancelled.finally(() => clearInterval(heart));
}

function scriptedActivities(
  { calls, records, input }: ScriptedRun,
  behave: Behaviour,
): Record<string, (...args: never[]) => unknown> {
  const scripted =
    (name: string) =>
    async (...args: unknown[]): Promise<unknown> => {
      const label = typeof args[1] === 'string' ? `${name} ${args[1]}` : name;
      calls.push(label);
      const given = await behave({ name: label, args, times: calls.filter((call) => call === label).length });
      return given ?? (UNENDING.includes(name) ? untilCancelled() : GIVEN[name]?.(input));
    };
  return {
    ...Object.fromEntries(Object.keys(SCRIPTED).map((name) => [name, scripted(name)])),
    recordOperation: async (record: OperationRecord) => {
      await behave({ name: 'recordOperation', args: [record], times: records.length + 1 });
      records.push(record);
    },
  };
}

function provisionInput(serial: number): OperationInput {
  return {
    operationId: `op_test${serial}`,
    kind: 'provision',
    clusterId: `clu_test${serial}`,
    clusterName: 'orders',
    projectId: 'prj_test',
    projectName: 'default',
    generation: 1,
    topology: 'single',
    summary: 'sandbox, PostgreSQL 18',
  };
}
