import { z } from 'zod';
import type { StepRef } from '../../domain/clusters';
import type { Drill, DrillCheck } from '../../domain/drills';
import { HoldfastError } from '../../domain/errors';
import { targetInWords } from '../../domain/restore-targets';
import type { Fleet } from '../fleet';
import { hostOf, viewCluster } from '../fleet';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import { createRestoreActivities } from '../pgbackrest/restore';
import { findPrimary, runSql } from '../postgres/psql';
import { sql } from '../postgres/sql';

/** What PostgreSQL says of the data that came back; as a superuser, hence the schema of each name. */
const LOOK = sql`SELECT pg_catalog.json_build_object(
  'checksums', pg_catalog.current_setting('data_checksums'),
  'checksumFailures', (SELECT coalesce(pg_catalog.sum(checksum_failures), 0) FROM pg_catalog.pg_stat_database),
  'databases', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_database WHERE NOT datistemplate),
  'databaseBytes', (SELECT pg_catalog.sum(pg_catalog.pg_database_size(oid)) FROM pg_catalog.pg_database),
  'restoredTo', pg_catalog.pg_last_xact_replay_timestamp()
)`;

const looked = z.object({
  checksums: z.string(),
  checksumFailures: z.coerce.number(),
  databases: z.coerce.number(),
  databaseBytes: z.coerce.number(),
  restoredTo: z.coerce.date().nullable(),
});
type Looked = z.infer<typeof looked>;

/** `P00   INFO: repo1: restore backup set 20261121-063000F, recovery will start at …` */
const SAID = `journalctl --unit patroni --since @0 --no-pager --output cat |
  sed -n 's/.*repo\\([0-9]*\\): restore backup set \\([0-9A-Z_-]*\\).*/\\1 \\2/p' | tail -n 1`;

/** See {@link DrillActivities.examineRestore}. */
export async function examineRestore(fleet: Fleet, at: StepRef): Promise<void> {
  const view = await viewCluster(fleet, at.clusterId);
  const host = hostOf(fleet, view, await findPrimary(fleet, view));
  const drill = await fleet.inventory.drills.ofOperation(at.operationId);
  const read = await whatWasRead(fleet, drill, host);
  const seen = looked.parse(JSON.parse(await runSql(view, host, 'postgres', LOOK, 'look at what came back')));
  const checks = [stopOf(drill, seen), checksumsOf(seen), await damageOf(fleet, at)];
  const restoredTo = seen.restoredTo?.toISOString() ?? null;
  const findings = { ...read, restoredTo, databaseBytes: seen.databaseBytes, checks };
  await fleet.inventory.drills.recordFindings(at, findings);
  const wrong = checks.filter(({ passed }) => !passed);
  if (wrong.length === 0) return;
  const detail = wrong.map(({ name, detail: found }) => `${name}: ${found}`).join('; ');
  throw new HoldfastError('DRILL_FAILED', { drill: drill.id, detail });
}

/** By pgBackRest's own words: which repository, and which set. */
async function whatWasRead(
  { inventory }: Fleet,
  { timelineId }: Drill,
  host: Host,
): Promise<{ readonly site?: string; readonly setId?: string }> {
  const said = await host.run(sh`sh -c ${SAID}`, { title: 'see which backup was restored' });
  const [number, setId] = said.trim().split(' ');
  const site = (await inventory.timelines.get(timelineId))?.sites[Number(number) - 1];
  return { ...(site !== undefined && { site }), ...(setId !== undefined && { setId }) };
}

function stopOf({ target }: Drill, { restoredTo, databases }: Looked): DrillCheck {
  const passed = restoredTo === null || target?.kind !== 'time' || restoredTo.getTime() <= Date.parse(target.time);
  const commit = restoredTo === null ? 'no commit was replayed' : `the newest commit is of ${restoredTo.toISOString()}`;
  const asked = target === null ? 'nothing' : targetInWords(target);
  return { name: 'stops at its target', passed, detail: `${asked} was asked for, ${commit}, ${databases} databases` };
}

/** Of the pages that were read up to now. */
function checksumsOf({ checksums, checksumFailures }: Looked): DrillCheck {
  const passed = checksums === 'on' && checksumFailures === 0;
  return { name: 'data checksums', passed, detail: `they are ${checksums}, ${checksumFailures} failures` };
}

/** pg_amcheck, as every restore has it. */
async function damageOf(fleet: Fleet, at: StepRef): Promise<DrillCheck> {
  const name = 'tables and indexes';
  try {
    await createRestoreActivities(fleet).checkData(at);
    return { name, passed: true, detail: 'pg_amcheck found no damage' };
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'HOST_COMMAND_FAILED') throw error;
    return { name, passed: false, detail: String(error.values['output'] ?? error.message).slice(-500) };
  }
}
