import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import { HoldfastError } from '../../domain/errors';
import type { Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, fencedHostOf, gatewaysOf, hostOf, reachableNode } from '../fleet';
import { leadTo } from '../gateway/haproxy';
import { primaryPortOf } from '../gateway/pgbouncer';
import { placeOf } from '../gateway/activities';
import { isOutOfReach, TIMEOUT_EXIT_CODE } from '../host/errors';
import { inOrder, sh } from '../host/shell';
import { PATRONI_REST_PORT } from '../patroni/config';
import { ETCDCTL, keysOf } from '../patroni/keys';
import { CA_FILE, certificateFile, keyFile } from '../host/tls-paths';
import { findPrimary, IS_PRIMARY, untilTrue } from '../postgres/psql';
import type { Change } from './change';
import { hold, letGo } from './hold';

/** The switch itself: all that happens while clients wait. */

/** For so long PAUSE waits for transactions; nobody begins another one meanwhile. */
const PAUSE_S = 5;
/** Patroni says after 20 s at most how it went. */
const SWITCH_S = 30;

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
  await each(gatewaysOf(view), (gateway) => pause(fleet, at, change, gateway));
  const done = new AbortController();
  const { signal } = done;
  const there = untilTrue(view, hostOf(fleet, view, reachableNode(view, to)), IS_PRIMARY, {
    title: 'wait for the new primary',
    timeoutS: SWITCH_S,
    signal,
  });
  try {
    // Patroni tells of it a second late.
    await Promise.race([there, askPatroni(fleet, at, change, signal).then(() => there)]);
  } finally {
    done.abort();
  }
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
  await hold(fencedHostOf(fleet, at, view, node), at, 'patroni', options).catch(unlessAway);
}

/** The switchover does without it. */
function unlessAway(error: unknown): void {
  const fails = error instanceof HoldfastError && error.code === 'HOST_COMMAND_FAILED';
  if (!fails && !isOutOfReach(error)) throw error;
}

/** PAUSE: PgBouncer lets each transaction end and closes its connection behind it. Others wait. */
async function pause(fleet: Fleet, at: StepRef, { view }: Change, gateway: ReachableNode): Promise<void> {
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

/** Asks the Patroni of its own host; what it is given: CA, certificate, key, port, body. Exported for its test. */
export const ASK = `import http.client, ssl, sys
ca, certificate, key, port, body = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(certificate, key)
patroni = http.client.HTTPSConnection('127.0.0.1', int(port), context=context)
patroni.request('POST', '/switchover', body, {'Content-Type': 'application/json'})
answer = patroni.getresponse()
if answer.status != 200: sys.exit(f'Patroni says {answer.status}: {answer.read().decode()}')`;

async function askPatroni(fleet: Fleet, at: StepRef, { view, from, to }: Change, signal: AbortSignal): Promise<void> {
  const files = [CA_FILE, certificateFile('patroni'), keyFile('patroni')];
  const body = JSON.stringify({ leader: from, candidate: to });
  const host = fencedHostOf(fleet, at, view, reachableNode(view, from));
  const title = 'ask Patroni to switch over';
  await host.run(sh`python3 -c ${ASK} ${files} ${PATRONI_REST_PORT} ${body}`, {
    title,
    timeoutMs: SWITCH_S * 1000,
    signal,
  });
}

/** Whatever stands still goes on, with the new primary where there is one. A gateway that is away resumes by itself. */
async function goOn(fleet: Fleet, at: StepRef, change: Change, isSwitched: boolean): Promise<void> {
  const { view } = change;
  const resume = letGo(at, 'pgbouncer');
  const command = isSwitched ? inOrder(leadTo(change), resume) : resume;
  await Promise.all([
    each(gatewaysOf(view), (gateway) =>
      fencedHostOf(fleet, at, view, gateway).run(command, { title: 'resume' }).catch(unlessAway),
    ),
    each(bystanders(change), (node) =>
      fencedHostOf(fleet, at, view, node).run(letGo(at, 'patroni'), { title: 'resume' }).catch(unlessAway),
    ),
  ]);
}
