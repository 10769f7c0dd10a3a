import { asyncLocalStorage } from '@temporalio/activity';
import { endInWords, KEPT_OUTPUT_CHARACTERS, MAX_SCRIPT_SECONDS } from '../../domain/backup-hooks';
import type { HookScript, ScriptPhase, ScriptRun } from '../../domain/backup-hooks';
import type { Backup } from '../../domain/backups';
import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { NO_SCRIPT } from '../../domain/step-words';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet } from '../fleet';
import { fencedHostOf, reachableNode, viewCluster } from '../fleet';
import type { Host, HostFile } from '../host/host';
import { cleanJob, jobUnit, lastLines } from '../host/jobs';
import type { Job } from '../host/jobs';
import { despiteCancel, isCancelRequested, runJob } from '../host/run-job';
import { sh } from '../host/shell';
import { tellNothing } from '../progress';
import { hookFile, scriptFile } from './hook-files';
import { chooseNode } from './take';

/** Scripts of the policy that the host of a backup runs before and after it. */

/** Lines of a script may be short. */
const KEPT = { lines: 500, characters: KEPT_OUTPUT_CHARACTERS };
/** It has its time from coreutils' timeout, and this long to end itself when that is over. */
const GRACE_S = 10;
/** So long after its time a script that is still there is somebody's business. */
const STALL_MS = (MAX_SCRIPT_SECONDS + 60) * 1000;
/** A host that does not answer is asked so often before the script after a backup is called not run. */
const ATTEMPTS = 3;

export interface HookActivities {
  /**
   * Runs the policy's script before a backup, on the node that it will be taken from; nothing to do where there is none.
   * Idempotency: its record, and until that is written a host job. Retry: `backup`, a few times; never of a script that has
   * begun, unless its host was rebooted. Effects: the script's own; the backup's record. Undo: runPostScript.
   * @throws BACKUP_SCRIPT_FAILED.
   */
  runPreScript(at: StepRef): Promise<void>;
  /**
   * Runs the policy's script after a backup, whatever became of it, on the node that it was taken from. Idempotency and
   * effects: as runPreScript; an event where it did not end well. Retry: `backup`, a few times. Undo: none.
   */
  runPostScript(at: StepRef): Promise<void>;
}

export function createHookActivities(fleet: Fleet): HookActivities {
  return {
    async runPreScript(at) {
      const view = await viewCluster(fleet, at.clusterId);
      if (!view.cluster.spec.backups?.hooks.pre) return tellNothing(fleet, at, NO_SCRIPT);
      const backup = await fleet.inventory.backups.ofOperation(at.operationId);
      const { node } = await chooseNode(fleet, at, view, backup);
      await demandPreScript(fleet, at, view, node.name);
    },

    async runPostScript(at) {
      const view = await viewCluster(fleet, at.clusterId);
      const backup = await fleet.inventory.backups.ofOperation(at.operationId);
      if (!view.cluster.spec.backups?.hooks.post) return tellNothing(fleet, at, NO_SCRIPT);
      if (backup.node === null) return tellNothing(fleet, at, 'no backup was begun');
      // What goes wrong behind a backup makes it no worse.
      await runOnce(fleet, at, view, { phase: 'post', node: backup.node, backup });
    },
  };
}

/**
 * The script before a backup has ended well on that node; runs it where it has not been.
 * @throws BACKUP_SCRIPT_FAILED.
 */
export async function demandPreScript(fleet: Fleet, at: StepRef, view: ClusterView, node: NodeName): Promise<void> {
  if (!view.cluster.spec.backups?.hooks.pre) return;
  const backup = await fleet.inventory.backups.ofOperation(at.operationId);
  const end = await runOnce(fleet, at, view, { phase: 'pre', node, backup });
  if (end === null || end.state === 'succeeded') return;
  throw new HoldfastError('BACKUP_SCRIPT_FAILED', { end: endInWords(end), node, backup: backup.id });
}

interface Wanted {
  readonly phase: ScriptPhase;
  readonly node: NodeName;
  readonly backup: Backup;
}

type End = Omit<ScriptRun, 'finishedAt'>;

/** What has ended was written down, and is not run again. @returns null: there is no such script. */
async function runOnce(fleet: Fleet, at: StepRef, view: ClusterView, wanted: Wanted): Promise<End | null> {
  const { phase, node, backup } = wanted;
  const hook = view.cluster.spec.backups?.hooks[phase];
  if (!hook) return null;
  const host = fencedHostOf(fleet, at, view, reachableNode(view, node));
  const job = jobOf(at, view, wanted, hook);
  const known = backup.scripts.find((script) => script.phase === phase && script.node === node);
  const end =
    known ??
    (await endOf(host, job, wanted, scriptFile(phase, hook)).catch((error: unknown) => orNotRun(error, wanted)));
  const record = (): Promise<void> => fleet.inventory.backups.recordScript(at, end);
  if (!known) await (end.state === 'cancelled' ? despiteCancel(record) : record());
  // A host that is away forgets it when it boots, and the next backup's jobs clear away what is left of this one.
  if (end.state !== 'not run') await cleanJob(host, job.unit).catch(orHoldfastError);
  return end;
}

/** It is the same unit whichever step asks: a script is run once for a backup. */
function jobOf(at: StepRef, view: ClusterView, { phase, backup }: Wanted, hook: HookScript): Job {
  const environment = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOLDFAST_CLUSTER: view.cluster.name,
    HOLDFAST_BACKUP: backup.id,
    HOLDFAST_TYPE: backup.type,
    HOLDFAST_PHASE: phase,
    ...(phase === 'post' && { HOLDFAST_STATE: backup.state === 'succeeded' ? 'succeeded' : 'failed' }),
  };
  const words = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const limit = [`--kill-after=${GRACE_S}`, String(hook.timeoutSeconds)];
  return {
    unit: jobUnit(at.operationId, `script-${phase}`, at.lane),
    description: `Holdfast: script ${phase} of backup ${backup.id}`,
    sandbox: true,
    // A shell runs what names nobody to run it.
    command: sh`exec env -i ${words} timeout ${limit} sh -c ${'"$0"'} ${hookFile(phase)} 2>&1`,
  };
}

async function endOf(host: Host, job: Job, { phase, node }: Wanted, file: HostFile): Promise<End> {
  const ended = (state: End['state'], exitCode: number | null, output: string): End => ({
    ...{ phase, node, state, exitCode },
    output: keptOf(output),
  });
  try {
    // The policy may have changed since the hosts were told.
    await host.putFiles([file]);
    await runJob(host, job, { stallMs: STALL_MS, keepsFailed: true });
    return ended('succeeded', 0, await lastLines(host, job.unit, KEPT));
  } catch (error) {
    if (isCancelRequested()) return ended('cancelled', null, '');
    if (!(error instanceof HoldfastError) || error.code !== 'HOST_JOB_FAILED') throw error;
    const output = await lastLines(host, job.unit, KEPT);
    return ended('failed', Number(error.values['exitCode']), output);
  }
}

/** What a database can keep of what anything may have written. */
const keptOf = (output: string): string =>
  output
    .slice(-KEPT_OUTPUT_CHARACTERS)
    .replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '\ufffd')
    .replace(/\p{Surrogate}/gu, '\ufffd');

/** Nobody waits for a host that is away only to tell it that a backup is over. */
function orNotRun(error: unknown, { phase, node }: Wanted): End {
  const attempt = asyncLocalStorage.getStore()?.info.attempt ?? 1;
  const stays = error instanceof HoldfastError && error.code !== 'STALE_GENERATION';
  if (phase === 'pre' || !stays || attempt < ATTEMPTS) throw error;
  return { phase, node, state: 'not run', exitCode: null, output: keptOf(error.message) };
}

function orHoldfastError(error: unknown): void {
  if (!(error instanceof HoldfastError) || error.code === 'STALE_GENERATION') throw error;
}
