import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import { HoldfastError } from '../../domain/errors';
import type { Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, fencedHostOf, gatewaysOf, hostOf, reachableNode } from '../fleet';
import { leadTo } from '../gateway/haproxy';
import { abortable } from '../host/cancellation';
import { sh } from '../host/shell';
import { askPatroni } from '../patroni/ask';
import { ETCDCTL, keysOf } from '../patroni/keys';
import { findPrimary, IS_PRIMARY, untilTrue } from '../postgres/psql';
import type { Change } from './change';
import { letClientsGo, pauseClients, orWithoutIt } from './clients';
import { hold, LEAST_SWITCH_S, leftOfHold, letGo, PAUSE_S } from './hold';

/** The switch itself: all that happens while clients wait. */

/** See SwitchoverActivities.switchOver. */
export async function switchOver(fleet: Fleet, at: StepRef, change: Change): Promise<void> {
  try {
    await handOver(fleet, at, change);
  } catch (error) {
    await goOn(fleet, at, change, false);
    if (!(error instanceof HoldfastError) || !error.retryable) throw error;
    // It may have come to pass all the same.
    if ((await findPrimary(fleet, change.view)).name !== change.to) throw failed(error.message, error);
  }
  await goOn(fleet, at, change, true);
}

const failed = (detail: string, cause?: unknown): HoldfastError =>
  new HoldfastError('SWITCHOVER_FAILED', { detail: detail.replace(/\.$/, '') }, { cause });

/** Has the other one be the primary, unless it is. */
async function handOver(fleet: Fleet, at: StepRef, change: Change): Promise<void> {
  const { view, from, to } = change;
  const primary = await findPrimary(fleet, view);
  if (primary.name === to) return;
  if (primary.name !== from) throw failed(`${primary.name} has become the primary meanwhile`);
  await each(bystanders(change), (node) => freeze(fleet, at, change, node));
  const pausedAtMs = performance.now();
  await each(gatewaysOf(view), (gateway) => pauseClients(fleet, at, view, gateway, failed));
  await withinHold(pausedAtMs, (options) => letPatroniSwitch(fleet, at, change, options));
}

interface Limits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Patroni may take up to 20 s to say how it went, and a host that hangs says nothing: nobody waits longer than the pause lasts, or clients
 * would go on in the middle of it. Exported for its test.
 * @throws NOT_YET when the time is up; SWITCHOVER_FAILED when too little of it was left to begin.
 */
export async function withinHold(pausedAtMs: number, act: (limits: Limits) => Promise<void>): Promise<void> {
  const timeoutMs = leftOfHold(pausedAtMs);
  if (timeoutMs < LEAST_SWITCH_S * 1000) throw failed('the gateways took too long to let their clients wait');
  const ended = new AbortController();
  const timer = setTimeout(
    () => ended.abort(new HoldfastError('NOT_YET', { what: 'Patroni has not switched over while clients wait.' })),
    timeoutMs,
  );
  try {
    await abortable(act({ timeoutMs, signal: ended.signal }), ended.signal);
  } finally {
    clearTimeout(timer);
    ended.abort();
  }
}

/** Returns when the other one is the primary. */
async function letPatroniSwitch(
  fleet: Fleet,
  at: StepRef,
  { view, from, to }: Change,
  { timeoutMs, signal }: Limits,
): Promise<void> {
  const there = untilTrue(view, hostOf(fleet, view, reachableNode(view, to)), IS_PRIMARY, {
    title: 'wait for the new primary',
    timeoutS: timeoutMs / 1000,
    signal,
  });
  const body = { leader: from, candidate: to };
  // Patroni tells of it a second late.
  const asked = askPatroni(fencedHostOf(fleet, at, view, reachableNode(view, from)), '/switchover', body, {
    title: 'ask Patroni to switch over',
    timeoutMs,
    signal,
  });
  await Promise.race([there, asked.then(() => there)]);
}

const bystanders = ({ view, from, to }: Change): ReachableNode[] =>
  dataNodesOf(view).filter(({ name }) => name !== from && name !== to);

/*
 * Patroni of a standby that sees no primary, and somebody else named as the next one, sleeps for two seconds; so long no commit
 * would come to an end, for want of a quorum. One that looks only when the new primary is there follows it at once.
 */
async function freeze(fleet: Fleet, at: StepRef, { view, to }: Change, node: ReachableNode): Promise<void> {
  const leads = 'until [ "$("$@" --print-value-only)" = "$0" ]; do sleep 0.1; done';
  const until = sh`exec sh -c ${leads} ${to} ${ETCDCTL} get ${`${keysOf(view.cluster)}/leader`}`;
  const options = { until, settled: sh`true`, timeoutMs: PAUSE_S * 1000 };
  await hold(fencedHostOf(fleet, at, view, node), at, 'patroni', options).catch(orWithoutIt);
}

/** Whatever stands still goes on, with the new primary where there is one. A gateway that is away resumes by itself. */
async function goOn(fleet: Fleet, at: StepRef, change: Change, isSwitched: boolean): Promise<void> {
  const { view } = change;
  await Promise.all([
    letClientsGo(fleet, at, view, isSwitched ? leadTo(change) : null),
    each(bystanders(change), (node) =>
      fencedHostOf(fleet, at, view, node).run(letGo(at, 'patroni'), { title: 'resume' }).catch(orWithoutIt),
    ),
  ]);
}
