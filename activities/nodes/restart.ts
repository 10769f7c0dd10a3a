import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import { HoldfastError } from '../../domain/errors';
import type { NodeWork } from '../../domain/operations';
import type { ClusterView, Fleet, OpenNode } from '../fleet';
import { gatewaysOf } from '../fleet';
import { leadTo } from '../gateway/haproxy';
import { tellsFailedCommand } from '../host/errors';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import { askPatroni } from '../patroni/ask';
import { findPrimary, IS_PRIMARY, runSql, untilTrue } from '../postgres/psql';
import { sql } from '../postgres/sql';
import { fitStandbys } from '../switchover/choose';
import { demandGateways, letClientsGo, pauseClients } from '../switchover/clients';
import { switchOver } from '../switchover/switch-over';
import type { OpenWork } from './work';

/** PostgreSQL may have to replay its log. */
const RESTART_S = 120;
const GATEWAY_MS = 60_000;

/** See NodeActivities.lookAtNode. */
export async function lookAtNode(fleet: Fleet, at: StepRef, { work, view, node, host }: OpenWork): Promise<void> {
  if (work.was !== null) return;
  const { operations } = fleet.inventory;
  const note = (was: NodeWork['was'], run: string): Promise<void> => operations.recordNode(at, { ...work, was, run });
  if (node.role === 'gateway') return note('gateway', await invocationsOn(host));
  const primary = await findPrimary(fleet, view);
  if (primary.name !== node.name) return note('replica', await startOfPostgres(view, host));
  await demandGateways(fleet, view);
  const [best] = await fitStandbys(fleet, view, primary);
  if (best) await operations.recordSwitchover(at, { from: primary.name, to: best.name });
  await note('primary', await startOfPostgres(view, host));
}

/** See NodeActivities.restartProcesses. */
export async function restartProcesses(fleet: Fleet, at: StepRef, open: OpenWork): Promise<void> {
  const { work, switchover, view } = open;
  const { from = null, to = null } = switchover ?? {};
  switch (work.was) {
    case null:
      throw new HoldfastError('NOT_FOUND', { kind: 'role of node', ref: work.name });
    case 'gateway':
      return restartGateway(fleet, at, open);
    case 'replica':
      return restartPostgres(open);
    case 'primary':
      // Patroni starts it anew as a standby of the other one.
      return from && to ? switchOver(fleet, at, { view, from, to }) : restartInPlace(fleet, at, open);
  }
}

const failed = (node: string, detail: string, cause?: unknown): HoldfastError =>
  new HoldfastError('NODE_RESTART_FAILED', { node, detail }, { cause });

/** A primary that nobody can take over from: clients wait until it is back. */
async function restartInPlace(fleet: Fleet, at: StepRef, open: OpenWork): Promise<void> {
  const { view, node, host } = open;
  const pause = (gateway: OpenNode['node']): Promise<void> =>
    pauseClients(fleet, at, view, gateway, (detail, cause) =>
      failed(node.name, `${detail}. It serves as before`, cause),
    );
  try {
    if (!(await isNew(open))) await each(gatewaysOf(view), pause);
    await restartPostgres(open);
    await untilTrue(view, host, IS_PRIMARY, { title: 'wait for the primary', timeoutS: RESTART_S });
  } finally {
    await letClientsGo(fleet, at, view, leadTo({ to: node.name }));
  }
}

/** Through Patroni, which gives the lease to nobody meanwhile. @throws NODE_RESTART_FAILED. */
async function restartPostgres(open: OpenWork): Promise<void> {
  const { node, host } = open;
  if (await isNew(open)) return;
  try {
    // Of a primary Patroni would wait no time at all: others are to take over at once when it crashes.
    await askPatroni(
      host,
      '/restart',
      { timeout: String(RESTART_S) },
      { title: 'ask Patroni to restart PostgreSQL', timeoutMs: RESTART_S * 1000 },
    );
  } catch (error) {
    if (!tellsFailedCommand(error)) throw error;
    throw failed(node.name, error.message, error);
  }
}

/** It was restarted since the operation looked at it. */
async function isNew({ work, view, host }: OpenWork): Promise<boolean> {
  const start = await startOfPostgres(view, host);
  return start !== '' && start !== work.run;
}

/** When PostgreSQL was started, to the microsecond; empty where it does not answer. */
async function startOfPostgres(view: ClusterView, host: Host): Promise<string> {
  try {
    return await runSql(
      view,
      host,
      'postgres',
      sql`SELECT pg_postmaster_start_time()`,
      'see when PostgreSQL was started',
    );
  } catch (error) {
    if (!tellsFailedCommand(error)) throw error;
    return '';
  }
}

/* What systemd calls a run of each. */
const INVOCATIONS =
  'for service in haproxy pgbouncer; do systemctl show --property InvocationID --value -- "$service"; done';

const invocationsOn = async (host: Host): Promise<string> =>
  (await host.run(sh`sh -c ${INVOCATIONS}`, { title: 'see which processes run' })).trim();

/*
 * Both at once, in less time than keepalived takes to notice: the address stays where it is. One that runs anew since the operation looked
 * at it is left alone.
 */
const RESTART_OLD = `old=
for service in haproxy pgbouncer; do
  [ "$(systemctl show --property InvocationID --value -- "$service")" != "$1" ] || old="$old $service"
  shift
done
[ -z "$old" ] || systemctl restart $old
systemctl is-active --quiet haproxy pgbouncer`;

/** No transaction of a pooled client is cut in the middle: PgBouncer lets each of them end before. */
async function restartGateway(fleet: Fleet, at: StepRef, { work, view, node, host }: OpenWork): Promise<void> {
  const [haproxy = '', pgbouncer = ''] = (work.run ?? '').split('\n');
  const [, running] = (await invocationsOn(host)).split('\n');
  try {
    if (running === pgbouncer)
      await pauseClients(fleet, at, view, node, (detail, cause) => failed(node.name, detail, cause));
    await host.run(sh`sh -c ${RESTART_OLD} sh ${haproxy} ${pgbouncer}`, {
      title: 'restart HAProxy and PgBouncer',
      timeoutMs: GATEWAY_MS,
    });
  } finally {
    await letClientsGo(fleet, at, view, null);
  }
}
