import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { CA_FILE } from '../../activities/host/tls-paths';
import { BACKUP_SECRETS } from '../../activities/secrets/stored-secrets';
import type { ClusterNode } from '../../domain/clusters';
import { isFinal } from '../../domain/operations';
import type { World } from '../simulation/world';
import type { Experiment, OrderedCluster, Outcome } from './experiment';
import { prefixOf } from './experiment';
import type { Laboratory } from './laboratory';
import { differs } from './differs';
import { aboutDrill } from './drills';
import { aboutDumps } from './dumps';
import { aboutExtract } from './extracts';
import { aboutBackup, aboutLineage } from './lineages';
import type { Fate } from './lineages';
import { keptOfMachines } from './machines';
import { aboutReplacement } from './replacements';
import { aboutStopped, isStopped } from './stopped';
import { aboutSwap } from './swaps';
import { aboutSwitchover } from './switchovers';

/** What is wrong with how an experiment ended, one sentence each; nothing when it ended as the dry run did. */
export async function complaints(
  laboratory: Laboratory,
  world: World,
  experiment: Experiment,
  outcome: Outcome,
  dryRun: Outcome,
): Promise<string[]> {
  const ended = [
    ...outcome.missed
      .filter(({ execution }) => experiment.cancelAt === undefined || beganStepOf(outcome, execution))
      .map(({ execution, when }) => `no worker came to the point ${when} "${execution}"`),
    ...differs('the result', outcome.result, dryRun.result),
  ];
  // All else follows from that.
  if (ended.length > 0) return ended;
  const made = MAKES_CLUSTER.includes(experiment.kind) && experiment.cancelAt !== undefined;
  const gone = ['delete', 'drill', 'restore-database'].includes(experiment.kind) || made;
  // A lineage outlives its cluster, but not the cancel of what opened it.
  const lineage = fateOf(experiment, gone);
  return [
    ...differs('the operation', outcome.operation.state, dryRun.operation.state),
    ...differs('its error', outcome.operation.error, null),
    ...aboutSteps(experiment, outcome, dryRun),
    ...aboutEffects(experiment, outcome, dryRun),
    ...(await aboutRecords(laboratory, outcome)),
    ...(await aboutState(laboratory, world, outcome, experiment, gone)),
    ...(await aboutLineage(laboratory, world, outcome, lineage)),
    ...(await aboutBackup(laboratory, world, outcome)),
    ...(await aboutDrill(laboratory, experiment, outcome)),
    ...(await aboutSwap(laboratory, world, experiment, outcome)),
    ...aboutSwitchover(world, experiment, outcome),
    ...(await aboutReplacement(laboratory, world, experiment, outcome)),
    ...(await aboutDumps(laboratory, world, outcome)),
    ...(await aboutExtract(laboratory, world, experiment, outcome)),
  ];
}

function aboutState(
  laboratory: Laboratory,
  world: World,
  outcome: Outcome,
  experiment: Experiment,
  gone: boolean,
): Promise<string[]> {
  if (gone) return aboutResidue(laboratory, world, outcome);
  return isStopped(experiment) ? aboutStopped(laboratory, world, outcome) : aboutCluster(laboratory, world, outcome);
}

function fateOf({ kind, cancelAt }: Experiment, gone: boolean): Fate {
  if (kind === 'delete') return 'outlives its cluster';
  return gone || (kind === 'begin-backups' && cancelAt !== undefined) ? 'is gone' : 'is used';
}

/** A cancel of others leaves the cluster as it was. */
const MAKES_CLUSTER: readonly Experiment['kind'][] = ['provision', 'restore', 'delete'];

function aboutSteps({ cancelAt }: Experiment, outcome: Outcome, dryRun: Outcome): string[] {
  const wanted = new Map(dryRun.operation.steps.map(({ id, state }) => [id, state]));
  return outcome.operation.steps.flatMap(({ id, state, nextRetryAt }) => [
    ...(isCertain(cancelAt, outcome, id, wanted) ? differs(`step ${id}`, state, wanted.get(id)) : []),
    ...(state === 'running' || state === 'undoing' ? [`step ${id} is still ${state}`] : []),
    ...(nextRetryAt === null ? [] : [`step ${id} still tells a next retry`]),
  ]);
}

/** What runs beside the step at which a cancel comes has begun and ended by then or not. What began and can be undone is. */
function isCertain(
  cancelAt: string | undefined,
  outcome: Outcome,
  stepId: string,
  wanted: ReadonlyMap<string, string>,
): boolean {
  return cancelAt === undefined || (wanted.get(stepId) === 'undone' && beganStepOf(outcome, `${stepId}: `));
}

/** True when something was done for the step that the execution, or the record, is about. */
function beganStepOf({ executions }: Outcome, execution: string): boolean {
  const stepId = /^(?:record: )?([a-z0-9-]+)/.exec(execution)?.[1];
  return executions.some((began) => began.startsWith(`${stepId}: `));
}

/**
 * A machine has nothing left that could remember the job which cleaned it: when the worker dies right after it, the job is
 * run again, and finds nothing. That packages were removed is an effect of its own. Files that Patroni has read it may read again.
 */
const MAY_BE_REPEATED = /^(m\d+ run job .*-remove |pg-\d+ reload patroni$)/;

/** Each exactly once. Which data node is the primary, and so does what only it does, is no matter. */
function aboutEffects({ cancelAt }: Experiment, outcome: Outcome, dryRun: Outcome): string[] {
  const [seen, wanted] = [comparable(outcome), comparable(dryRun)];
  const twice = seen
    .filter((effect, i) => seen.indexOf(effect) !== i && !MAY_BE_REPEATED.test(effect))
    .map((effect) => `more than once: ${effect}`);
  // How far parallel work got before a cancel differs from run to run; what is left of it is looked at elsewhere.
  if (cancelAt !== undefined) return twice;
  return [
    ...twice,
    ...wanted.filter((effect) => !seen.includes(effect)).map((effect) => `never: ${effect}`),
    ...seen.filter((effect) => !wanted.includes(effect)).map((effect) => `not in the dry run: ${effect}`),
  ];
}

/** Effects without what differs from run to run: who is the primary, and ids of operations and machines in names of jobs. */
function comparable({ effects, operation }: Outcome): string[] {
  return effects.map((effect) =>
    effect
      .replace(/^(pg-|m)\d+ (initialised|CREATE|handed over)/, 'the primary $2')
      .replace(/^pg-\d+ (run job .*-hold-patroni)$/, 'the other data node $1')
      .replace(/^pg-\d+ (restarted PostgreSQL|copied its data anew)$/, 'the node $1')
      .replace(/^(?:pg-|m)\d+ (run job .*-backup-)/, 'a data node $1')
      .replace(operation.id, 'its operation')
      .replace(/-host-[0-9a-z]{26}$/, ' of its machine'),
  );
}

async function aboutRecords({ inventory, scratch }: Laboratory, { operation }: Outcome): Promise<string[]> {
  const [events, audit] = await Promise.all([
    inventory.operations.eventsAfter(operation.id, 0),
    scratch.query<{ entries: string; operations: string }>(
      // What a drill finds out is told of the cluster that it is held for.
      `select (select count(*) from audit_log where (subject = $1 or details::text like $2) and not details ? 'drill') as entries,
              (select count(*) from operations where cluster_id = $1) as operations`,
      [operation.clusterId, `%${operation.id}%`],
    ),
  ]);
  const ends = events.filter(
    ({ type, body }) => type === 'operation' && isFinal(body['state'] as Outcome['operation']['state']),
  );
  return [
    ...differs('events that tell the end', ends.length, 1),
    ...differs('entries in the audit log', audit[0]?.entries, audit[0]?.operations),
  ];
}

async function aboutResidue({ inventory, scratch }: Laboratory, world: World, { cluster }: Outcome): Promise<string[]> {
  const prefix = prefixOf(cluster.id);
  const left = [...world.hostTokens(), ...world.networkTokens()].filter((token) => token.startsWith(prefix));
  const [found, nodes, secrets] = await Promise.all([
    inventory.clusters.get(cluster.id),
    inventory.nodes.list(cluster.id),
    scratch.query<{ name: string }>('select name from secrets where cluster_id = $1 and not starts_with(name, $2)', [
      cluster.id,
      BACKUP_SECRETS,
    ]),
  ]);
  return [
    ...left.map((token) => `left in the cloud: ${token}`),
    ...(cluster.spec.cloud === 'static' ? await keptOfMachines({ inventory }, world, cluster.projectId) : []),
    ...differs('the cluster', found?.status.state, 'deleted'),
    ...nodes.map(({ name }) => `left in the inventory: ${name}`),
    ...secrets.map(({ name }) => `left of its secrets: ${name}`),
  ];
}

async function aboutCluster({ inventory }: Laboratory, world: World, { cluster }: Outcome): Promise<string[]> {
  const [found, nodes] = await Promise.all([inventory.clusters.get(cluster.id), inventory.nodes.list(cluster.id)]);
  const hosts = world
    .hostTokens()
    .map((token) => world.host(token))
    .filter((host) => host !== null)
    .filter(({ privateAddress }) => nodes.some((node) => node.privateAddress === privateAddress));
  const authorities = new Set(
    hosts.map(({ root }) => new X509Certificate(readFileSync(join(root, CA_FILE))).fingerprint),
  );
  const conditions = found?.status.conditions ?? [];
  return [
    ...differs('the cluster', found?.status.state, 'ready'),
    ...differs('the endpoint', found?.status.endpoint?.addresses.length, 1),
    ...differs('ready conditions', conditions.filter(({ type, status }) => type === 'Ready' && status).length, 1),
    ...differs('hosts of the inventory', hostIds(nodes), await hostsInCloud({ inventory }, world, cluster)),
    ...differs('certificate authorities', authorities.size, 1),
    ...hosts.flatMap(({ root, token }) => leftovers(root).map((file) => `left on ${token}: ${file}`)),
  ];
}

const hostIds = (nodes: readonly Pick<ClusterNode, 'hostId'>[]): (string | null)[] =>
  [...new Set(nodes.map(({ hostId }) => hostId))].sort();

/** Ids of the hosts that the cluster has, as its cloud sees it. */
async function hostsInCloud(
  { inventory }: Pick<Laboratory, 'inventory'>,
  world: World,
  { id, projectId, spec }: OrderedCluster,
): Promise<string[]> {
  if (spec.cloud === 'static') {
    const machines = await inventory.hosts.list(projectId);
    return machines
      .filter(({ cluster }) => cluster === id)
      .map((machine) => machine.id)
      .sort();
  }
  const tokens = world.hostTokens().filter((token) => token.startsWith(prefixOf(id)));
  return tokens.map((token) => world.host(token)?.id ?? '').sort();
}

/** Neighbours of files that were being written. */
function leftovers(root: string): string[] {
  return readdirSync(join(root, 'etc'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.includes('.holdfast.'),
  );
}
