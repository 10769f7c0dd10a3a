import { setTimeout as pause } from 'node:timers/promises';
import type { ReachableNode } from '../../activities/fleet';
import { PATRONI_CONFIG_FILE } from '../../activities/patroni/config';
import { sql } from '../../activities/postgres/sql';
import { eventually } from '../support/eventually';
import type { OwnInstallation } from '../support/own-installation';
import { login, query } from '../system/support/endpoint';
import type { HaCluster } from '../system/support/ha-cluster';
import { dataNodes, primaryOf, runAsSuperuser, untilWhole } from '../system/support/ha-cluster';
import { findLost, startWriter } from '../system/support/ledger';
import { dieForGood } from '../system/support/power';
import { hostOf, strike } from './faults/fault';

/** Of the log: what was on its way arrives. */
const ON_ITS_WAY_MS = 500;
const ROWS = 20;

/**
 * A cluster that may lose writes has to lose some before these eyes, or they are blind: synchronous replication is switched off,
 * the standbys hear nothing for a moment, and the primary dies with what it acknowledged meanwhile. The cluster is of no use after it.
 *
 * @returns how many acknowledged rows are lost.
 */
export async function countLossesWithoutQuorum(ha: HaCluster<OwnInstallation>): Promise<number> {
  await untilWhole(ha);
  const config = login(ha.credentials, 'primaryPort');
  await query(config, 'create table control (number int primary key)');
  const primary = await primaryOf(ha);
  await switchQuorumOff(ha, primary);
  const writer = startWriter(config, 'control');
  const acknowledged = (): number => writer.attempts.filter(({ outcome }) => outcome === 'acknowledged').length;
  await eventually(() => acknowledged() > 0);
  await cutReplication(ha, primary);
  await pause(ON_ITS_WAY_MS);
  const before = acknowledged();
  await eventually(() => acknowledged() > before + ROWS);
  await dieForGood(hostOf({ ha }, primary));
  const diedAt = Date.now();
  await eventually(() =>
    writer.attempts.some(({ outcome, beganAt }) => outcome === 'acknowledged' && beganAt > diedAt),
  );
  await writer.stop();
  const rows = await query<{ number: number }>(config, 'select number from control');
  return findLost(writer.attempts, new Set(rows.map(({ number }) => number))).length;
}

async function switchQuorumOff(ha: HaCluster<OwnInstallation>, primary: ReachableNode): Promise<void> {
  const settings = '-s synchronous_mode=off -s synchronous_mode_strict=false';
  await strike({ ha }, primary, `patronictl -c ${PATRONI_CONFIG_FILE} edit-config --force ${settings}\n`);
  const quorum = sql`select current_setting('synchronous_standby_names')`;
  await eventually(async () => (await runAsSuperuser(ha, primary.name, quorum)) === '', { everyMs: 250 });
}

/** What comes now stays on the primary. A new segment is not begun meanwhile: Patroni takes no standby that is so far behind. */
async function cutReplication(ha: HaCluster<OwnInstallation>, primary: ReachableNode): Promise<void> {
  await runAsSuperuser(ha, primary.name, sql`select pg_switch_wal()`);
  const rules = dataNodes(ha)
    .filter(({ name }) => name !== primary.name)
    .map(({ privateAddress }) => `ip rule add pref 110 to ${privateAddress} ipproto tcp sport 5432 blackhole\n`);
  await strike({ ha }, primary, `set -e\n${rules.join('')}`);
}
