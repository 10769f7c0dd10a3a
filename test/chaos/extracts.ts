import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dumpKey } from '../../domain/dumps';
import { isFinal } from '../../domain/operations';
import type { World } from '../simulation/world';
import { differs } from './differs';
import type { Experiment, Outcome } from './experiment';
import type { Laboratory } from './laboratory';

/** Of the one database: a whole restore finds as much in each of the two that simulated hosts have. */
const ROWS_OF_ONE = 'tables: 2 (1 never analyzed); rows: about 1000 by the statistics; the 1 smallest counted: 10 rows';

function aboutChecks({ restored }: Outcome['operation']): string[] {
  const checks = restored?.checks ?? [];
  return [
    ...differs('checks that did not pass', checks.filter(({ passed }) => !passed).length, 0),
    ...differs('rows', checks.find(({ name }) => name === 'tables and rows')?.detail, ROWS_OF_ONE),
    ...differs('looks for damage', checks.filter(({ name }) => name === 'tables and indexes').length, 1),
  ];
}

/** What is wrong with a database that was taken out of backups: what became of it, and of the dump that was needed on the way. */
export async function aboutExtract(
  { inventory, scratch }: Laboratory,
  world: World,
  { kind, cancelAt, source }: Experiment,
  { operation }: Outcome,
): Promise<string[]> {
  if (kind !== 'restore-database' || !source) return [];
  const dump = await inventory.dumps.ofOperation(operation.id);
  const timeline = await inventory.timelines.get(dump.timelineId);
  const others = await scratch.query<{ state: Outcome['operation']['state'] }>(
    `select state from operations where cluster_id = $1 and kind = 'restore-dump' and summary like $2`,
    [source.id, `%${operation.id}`],
  );
  const left = (timeline?.sites ?? []).filter((site) =>
    existsSync(join(world.folder, 'sites', site, dump.timelineId, 'objects', encodeURIComponent(dumpKey(dump.id)))),
  );
  return [
    ...left.map((site) => `the dump is left on ${site}`),
    ...differs('copies of the dump', dump.copies.length, 0),
    ...differs('the dump', ['deleted', 'failed'].includes(dump.state), true),
    ...differs('operations of the other cluster that run', others.filter(({ state }) => !isFinal(state)).length, 0),
    ...(cancelAt === undefined
      ? differs(
          'what became of it in the other cluster',
          others.map(({ state }) => state),
          ['succeeded'],
        )
      : []),
    ...(cancelAt === undefined ? aboutChecks(operation) : []),
  ];
}
