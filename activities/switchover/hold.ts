import type { StepRef } from '../../domain/clusters';
import type { Host } from '../host/host';
import type { JobUnit } from '../host/jobs';
import { jobUnit } from '../host/jobs';
import type { ShellCommand } from '../host/shell';
import { sh } from '../host/shell';

/**
 * A service that stands still for some seconds. What lets it go on is a unit of the host's own systemd, so that it does also when
 * the worker that has stopped it is dead.
 */

/** Longer than a pause and a switchover, or a restart, take; shorter than Patroni's lease, and than clients are patient. */
export const HOLD_S = 15;
/** For so long of it PAUSE waits for transactions; nobody begins another one meanwhile. */
export const PAUSE_S = 5;
/** For so long before it ends whoever holds it begins to let go: who goes on by himself would meet what is half done. */
export const RESUME_S = 1;
/** What a switch has at least: it takes about two seconds. One that would have less is not begun. */
export const LEAST_SWITCH_S = 5;

/** Of what is done behind a pause that began at this time, by `performance.now`: how many milliseconds are left for it. */
export const leftOfHold = (beganAtMs: number, nowMs = performance.now()): number =>
  (HOLD_S - RESUME_S) * 1000 - (nowMs - beganAtMs);

/** What stops a service, and what lets it go on. To PgBouncer the first is PAUSE and the second RESUME. */
const SIGNALS = { pgbouncer: ['USR1', 'USR2'], patroni: ['STOP', 'CONT'] } as const;
export type Held = keyof typeof SIGNALS;

const unitOf = (at: StepRef, service: Held): JobUnit => jobUnit(at.operationId, `hold-${service}`);

/* However the unit ends, what stands behind ExecStopPost is done. The unit of an earlier try has its service go on first. */
const HOLD = `set -eu
unit=$1 service=$2 stop=$3 go=$4 until=$5 settled=$6
signal() { echo "systemctl kill --kill-whom=main --signal=$1 $service"; }
systemctl stop -- "$unit" 2>/dev/null || :
systemd-run --quiet --collect --unit="$unit" --description='a pause' \\
  --property=ExecStopPost="/bin/sh -c \\"$(signal "$go")\\"" -- /bin/sh -c "$until"
$(signal "$stop")
eval "$settled"
`;

/**
 * Stops a service until {@link letGo}, or until the command `until` has ended, for {@link HOLD_S} at most. Repeatable: it begins anew.
 * @param settled ends when the service stands still. @param timeoutMs for all of it.
 * @throws HOST_COMMAND_FAILED also where it does not run.
 */
export async function hold(
  host: Host,
  at: StepRef,
  service: Held,
  { until, settled, timeoutMs }: { until: ShellCommand; settled: ShellCommand; timeoutMs: number },
): Promise<void> {
  // systemd replaces $NAME in the command line of a service; $$ is a dollar sign.
  const patience = sh`timeout --foreground ${HOLD_S} sh -c ${until}`.replaceAll('$', '$$$$');
  await host.run(sh`sh -c ${HOLD} sh ${[unitOf(at, service), service, ...SIGNALS[service], patience, settled]}`, {
    title: `stop ${service} for a moment`,
    timeoutMs,
  });
}

/** Nothing to do where it goes on already. */
export const letGo = (at: StepRef, service: Held): ShellCommand =>
  sh`{ systemctl stop ${unitOf(at, service)} 2>/dev/null || :; }`;
