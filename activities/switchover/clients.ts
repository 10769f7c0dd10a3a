import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import { HoldfastError } from '../../domain/errors';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { fencedHostOf, gatewaysOf, hostOf } from '../fleet';
import { placeOf } from '../gateway/activities';
import { primaryPortOf } from '../gateway/pgbouncer';
import { isOutOfReach, tellsFailedCommand, TIMEOUT_EXIT_CODE } from '../host/errors';
import type { ShellCommand } from '../host/shell';
import { inOrder, sh } from '../host/shell';
import { hold, letGo, PAUSE_S } from './hold';

/** Clients of the pooled port, who wait while something behind PgBouncer is done. */

/** Looks only. @throws HOST_COMMAND_FAILED, HOST_UNREACHABLE where one of them does not work. */
export async function demandGateways(fleet: Fleet, view: ClusterView): Promise<void> {
  await each(gatewaysOf(view), (gateway) =>
    hostOf(fleet, view, gateway).run(sh`systemctl is-active haproxy pgbouncer`, {
      title: 'see that the gateway works',
    }),
  );
}

/**
 * PAUSE: PgBouncer lets each transaction end and closes its connection behind it. Others wait. Repeatable; ends by itself: see hold.ts.
 *
 * @param failed makes the error of what is said.
 * @throws what `failed` makes, when transactions take too long.
 */
export async function pauseClients(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  gateway: ReachableNode,
  failed: (detail: string, cause: unknown) => HoldfastError,
): Promise<void> {
  const server = `127.0.0.1:${primaryPortOf(placeOf(view, gateway))}`;
  // It takes a moment to hear the signal.
  const settled = sh`while sleep 0.05 && [ -n "$(ss -Htn state established dst ${server})" ]; do :; done`;
  const options = { until: sh`sleep infinity`, settled, timeoutMs: PAUSE_S * 1000 };
  try {
    await hold(fencedHostOf(fleet, at, view, gateway), at, 'pgbouncer', options);
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.values['exitCode'] !== TIMEOUT_EXIT_CODE) throw error;
    throw failed(`transactions on ${gateway.name} did not end within ${PAUSE_S} s`, error);
  }
}

/** @param lead tells HAProxy something before; null: nothing. A gateway that is away resumes by itself. */
export async function letClientsGo(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  lead: ShellCommand | null,
): Promise<void> {
  const resume = letGo(at, 'pgbouncer');
  const command = lead === null ? resume : inOrder(lead, resume);
  await each(gatewaysOf(view), (gateway) =>
    fencedHostOf(fleet, at, view, gateway).run(command, { title: 'resume' }).catch(orWithoutIt),
  );
}

/** What is done does without it, whether its host is out of reach or the command failed. */
export function orWithoutIt(error: unknown): void {
  const fails = tellsFailedCommand(error);
  if (!fails && !isOutOfReach(error)) throw error;
}
