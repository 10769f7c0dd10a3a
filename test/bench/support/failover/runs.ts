import type Docker from 'dockerode';
import type { ReachableNode } from '../../../../activities/fleet';
import { HOLD_S } from '../../../../activities/switchover/hold';
import { operationSchema } from '../../../../domain/schemas/operations';
import { killPostmaster } from '../../../laboratory/faults/processes';
import { hostOf } from '../../../laboratory/faults/fault';
import { setScene } from '../../../laboratory/faults/scene';
import { untilAllWell } from '../../../laboratory/health';
import { eventually } from '../../../support/eventually';
import type { OwnInstallation } from '../../../support/own-installation';
import { login, query } from '../../../system/support/endpoint';
import type { HaCluster } from '../../../system/support/ha-cluster';
import { primaryOf, untilWhole } from '../../../system/support/ha-cluster';
import type { Writer } from '../../../system/support/ledger';
import { findLost, longestGap, startWriter } from '../../../system/support/ledger';
import { losePower, powerOn } from '../../../system/support/power';

/** What clients at the endpoint notice of a fault. All times in milliseconds. */

export interface Runs {
  /** As it is now: hosts are replaced by some measurements. */
  ha: HaCluster<OwnInstallation>;
  /** Of all writers. */
  readonly promises: Promises;
}

export interface Promises {
  acknowledged: number;
  lost: number;
}

export interface Switchover {
  /** Writes of the pooled port that were not acknowledged, and connections that broke. */
  readonly pooledErrors: number;
  readonly pooledMs: number;
  readonly directMs: number;
}

/** Nobody gives up before PgBouncer resumes. */
const PATIENT_MS = 2 * HOLD_S * 1000;
const WELL_MS = 300_000;
const CONTROL_PLANE = ['worker', 'api', 'temporal'] as const;

/** The host of the primary loses power, and comes back by the autopilot's hand. */
export const measurePowerLoss = (runs: Runs): Promise<number> =>
  outageOf(runs, async () => losePower(await hostOfPrimary(runs)));

/** The same while nobody of the control plane does anything: Patroni alone decides. */
export async function measurePowerLossAlone(runs: Runs): Promise<number> {
  const { ha } = runs;
  const host = await hostOfPrimary(runs);
  ha.holdfast.controlPlane.freeze(...CONTROL_PLANE);
  try {
    return await outageOf(
      runs,
      () => losePower(host),
      () => powerOn(host),
    );
  } finally {
    await powerOn(host);
    ha.holdfast.controlPlane.thaw(...CONTROL_PLANE);
    await untilAllWell(ha, WELL_MS);
  }
}

/** The postmaster of the primary is killed. Patroni acts by itself, at once. */
export const measurePostmaster = (runs: Runs): Promise<number> =>
  outageOf(runs, async () => killPostmaster(runs, await primaryOf(runs.ha)));

/** The gateway that serves loses power, and gets it back; with it comes the address, which must not meet the next measurement. */
export async function measureGateway(runs: Runs): Promise<number> {
  const serving = async (): Promise<ReachableNode> => (await setScene(runs.ha, Math.random)).gateway;
  const gateway = await serving();
  const host = hostOf(runs, gateway);
  const gapMs = await outageOf(
    runs,
    () => losePower(host),
    () => powerOn(host),
  );
  await eventually(async () => (await serving()).name === gateway.name);
  return gapMs;
}

/** A switchover to the best standby, under a client of the pooled port and one of the direct one. */
export async function measureSwitchover({ ha, promises }: Runs): Promise<Switchover> {
  await untilWhole(ha);
  const pooled = await startLedger(ha, 'pooledPort', PATIENT_MS);
  const direct = await startLedger(ha, 'primaryPort', PATIENT_MS);
  const from = Date.now();
  const { body } = await ha.holdfast.api('POST', `/v1/clusters/${ha.id}/switchover`, {});
  await ha.holdfast.succeed(operationSchema.parse(body).id);
  await Promise.all([pooled, direct].map(({ writer }) => untilWritten(writer)));
  const to = Date.now();
  await Promise.all([pooled, direct].map((ledger) => settle(ha, ledger, promises)));
  const failed = pooled.writer.attempts.filter(({ outcome }) => outcome !== 'acknowledged').length;
  return {
    pooledErrors: failed + pooled.writer.disconnects,
    pooledMs: longestGap(pooled.writer.attempts, from, to),
    directMs: longestGap(direct.writer.attempts, from, to),
  };
}

/** The longest time without an acknowledged write. @param heal done once writes go on again. */
async function outageOf(
  { ha, promises }: Runs,
  inject: () => Promise<unknown>,
  heal: () => Promise<void> = () => Promise.resolve(),
): Promise<number> {
  await untilWhole(ha);
  const ledger = await startLedger(ha, 'primaryPort');
  const from = Date.now();
  await inject();
  await untilWritten(ledger.writer);
  await heal();
  const to = Date.now();
  await untilWhole(ha);
  await settle(ha, ledger, promises);
  return longestGap(ledger.writer.attempts, from, to);
}

/** A client that writes, in a table of its own. */
export interface Ledger {
  readonly table: string;
  readonly writer: Writer;
}

let ledgers = 0;

export async function startLedger(
  { credentials }: Runs['ha'],
  port: 'primaryPort' | 'pooledPort',
  attemptMs?: number,
): Promise<Ledger> {
  const table = `ledger_${++ledgers}`;
  await query(login(credentials, 'primaryPort'), `create table ${table} (number int primary key)`);
  const writer = startWriter(login(credentials, port), table, attemptMs);
  await untilWritten(writer);
  return { table, writer };
}

/** Ends it, and counts what it was promised and what of that is lost. */
export async function settle(
  { credentials }: Runs['ha'],
  { table, writer }: Ledger,
  promises: Promises,
): Promise<void> {
  await writer.stop();
  const rows = await query<{ number: number }>(login(credentials, 'primaryPort'), `select number from ${table}`);
  promises.lost += findLost(writer.attempts, new Set(rows.map(({ number }) => number))).length;
  promises.acknowledged += writer.attempts.filter(({ outcome }) => outcome === 'acknowledged').length;
}

/** A write that begins from now on is acknowledged. */
async function untilWritten({ attempts }: Writer): Promise<void> {
  const since = Date.now();
  await eventually(() => attempts.some(({ outcome, beganAt }) => outcome === 'acknowledged' && beganAt >= since));
}

const hostOfPrimary = async (runs: Runs): Promise<Docker.Container> => hostOf(runs, await primaryOf(runs.ha));
