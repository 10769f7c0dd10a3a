import { setTimeout as pause } from 'node:timers/promises';
import type { ReachableNode } from '../../activities/fleet';
import { PATRONI_CONFIG_FILE } from '../../activities/patroni/config';
import { sql } from '../../activities/postgres/sql';
import { eventually, untilSuccess } from '../support/eventually';
import type { OwnInstallation } from '../support/own-installation';
import type { HaCluster } from '../system/support/ha-cluster';
import { dataNodes, primaryOf, runAsSuperuser, untilWhole } from '../system/support/ha-cluster';
import { dieForGood } from '../system/support/power';
import { hostOf, strike } from './faults/fault';
import { inspect } from './inspection';
import type { Laboratory } from './laboratory';
import { lookAgain } from './laboratory';
import type { Done } from './load/history';
import { now, of } from './load/history';
import { startLoad } from './load/load';

/** What the checks of a round found missing: how many rows, registers and appends to lists. */
export type Losses = Readonly<Record<'rows' | 'registers' | 'lists', number>>;

/** Of the log: what was on its way arrives. */
const ON_ITS_WAY_MS = 500;
const ROWS = 20;
const PATIENCE_MS = 180_000;

/**
 * A cluster that may lose writes has to lose some before the eyes of a round, or they are blind: synchronous replication is switched off
 * under the load of a round, the standbys hear nothing for a moment, and the primary dies with what it acknowledged meanwhile. The
 * cluster is of no use after it.
 */
export async function loseWithoutQuorum(laboratory: Laboratory): Promise<Losses> {
  const ha = await lookAgain(laboratory);
  await untilWhole(ha);
  const { numbers, record } = laboratory;
  const load = await startLoad({ credentials: ha.credentials, numbers, record });
  try {
    await load.untilAllWork(PATIENCE_MS);
    const primary = await primaryOf(ha);
    await switchQuorumOff(ha, primary);
    await cutReplication(ha, primary);
    await pause(ON_ITS_WAY_MS);
    const cutAt = now();
    await eventually(() => isEnough(load.history.filter(({ beganAt }) => beganAt > cutAt)));
    await dieForGood(hostOf({ ha }, primary));
  } finally {
    // Nobody writes over what is lost.
    await load.stop();
  }
  const { lost, registers, lists } = await untilSuccess(() => inspect(laboratory, load.history));
  record({ at: now(), kind: 'negative control', lost, registers, lists });
  return { rows: lost.length, registers: registers.length, lists: lists.length };
}

/** Each kind of load has something to lose. */
function isEnough(since: readonly Done[]): boolean {
  const done = since.filter(({ result }) => result === 'ok');
  return (
    of(done, 'insert').length > ROWS &&
    of(done, 'write').length > 0 &&
    of(done, 'lists').some(({ op }) => op.steps.some((step) => 'append' in step))
  );
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
