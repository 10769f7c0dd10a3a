import { z } from 'zod';
import type { ReachableNode } from '../../../../activities/fleet';
import { syncOptions } from '../../../../activities/patroni/config';
import { binariesOf, DATA_FOLDER } from '../../../../activities/postgres/paths';
import { operationSummarySchema } from '../../../../domain/schemas/operations';
import { hostOf } from '../../../laboratory/faults/fault';
import { setScene } from '../../../laboratory/faults/scene';
import { oneOf } from '../../../support/chance';
import { eventually } from '../../../support/eventually';
import { hostIdOf, lookAt, primaryOf, untilInQuorum, untilWhole } from '../../../system/support/ha-cluster';
import { runAsPostgres } from '../../../system/support/image-tools';
import { loseHost } from '../../../system/support/power';
import { fillDatabase, psql, sizeOf } from '../pgbench';
import type { Runs } from './runs';
import { settle, startLedger } from './runs';

/** How long a cluster is without one of its three copies. All times in milliseconds. */

const ASIDE = `${DATA_FOLDER}/bench-aside`;
const operationsSchema = z.object({ items: z.array(operationSummarySchema) });

/**
 * The host of a data node is gone, with its volume, under a client that writes.
 *
 * @returns from then until all three count for the quorum again, and the operation has succeeded that replaced it.
 */
export async function measureRedundancy(runs: Runs, who: 'primary' | 'standby'): Promise<number> {
  const { ha, promises } = runs;
  const { holdfast } = ha;
  await untilWhole(ha);
  const { primary, standbys } = await setScene(ha, Math.random);
  const node = who === 'primary' ? primary : oneOf(standbys, Math.random);
  const ledger = await startLedger(ha, 'primaryPort');
  const before = await replacements(runs);
  const lostAt = performance.now();
  await loseHost(holdfast.docker, hostOf({ ha }, node));
  const id = await eventually(async () => (await replacements(runs)).find((one) => !before.includes(one)));
  await holdfast.succeed(id);
  runs.ha = await lookAt(holdfast, ha.provision);
  await untilInQuorum(runs.ha);
  const tookMs = performance.now() - lostAt;
  await untilWhole(runs.ha);
  await settle(runs.ha, ledger, promises);
  return tookMs;
}

/** Ids of the operations that replaced a node. */
async function replacements({ ha: { holdfast, id } }: Runs): Promise<string[]> {
  const { items } = operationsSchema.parse((await holdfast.api('GET', `/v1/clusters/${id}/operations`)).body);
  return items.flatMap((one) => (one.kind === 'replace-node' ? [one.id] : []));
}

/** Fills the cluster by pgbench. @param scale of it: 15 MB each. @returns how large it is, in bytes. */
export async function fillCluster({ ha }: Runs, scale: number): Promise<number> {
  const { version } = ha.cluster.spec;
  const run = onNode(await primaryOf(ha));
  await fillDatabase(run, version, scale);
  return sizeOf(run, version);
}

/** `pg_basebackup` alone of all that there is, as Patroni calls it, on the host of a standby into an empty folder. */
export async function measureCopyAlone(runs: Runs): Promise<number> {
  const { ha } = runs;
  await untilWhole(ha);
  const { standbys } = await setScene(ha, Math.random);
  const run = onNode(oneOf(standbys, Math.random));
  const { version } = ha.cluster.spec;
  const options = syncOptions(version).flatMap((one) =>
    Object.entries(one).map(([name, value]) => `--${name}=${value}`),
  );
  // A name of its own: the quorum counts standbys by theirs.
  const source = `$(${psql(version, 'SHOW primary_conninfo')}) application_name=bench`;
  const command = `${binariesOf(version)}/pg_basebackup --checkpoint=fast --wal-method=stream ${options.join(' ')}`;
  await run(`rm -rf ${ASIDE}`);
  const beganAt = performance.now();
  await run(`${command} --dbname="${source}" --pgdata=${ASIDE} 2>&1`);
  const tookMs = performance.now() - beganAt;
  await run(`rm -rf ${ASIDE}`);
  return tookMs;
}

const onNode =
  (node: ReachableNode) =>
  (script: string): Promise<string> =>
    runAsPostgres(hostIdOf(node), script);
