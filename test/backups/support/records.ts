import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { hostOf, reachableNode, viewCluster } from '../../../activities/fleet';
import { BACKUP_CONFIG_FILE } from '../../../activities/pgbackrest/config';
import { sh } from '../../../activities/host/shell';
import { isId } from '../../../domain/ids';
import type { BackupAnswer } from '../../../domain/schemas/backups';
import { eventually } from '../../support/eventually';
import type { Holdfast } from '../../support/holdfast';
import type { TestStores } from '../../system/support/stores';
import { backupsOf, POLL } from './user';

/** A backup's record beside what pgBackRest and the stores themselves tell of it. */

type Copy = BackupAnswer['copies'][number];

/** What pgBackRest tells of a set, in its own words. */
const toldSet = z.object({
  backrest: z.object({ version: z.string() }),
  info: z.object({ size: z.number(), repository: z.object({ delta: z.number() }) }),
  label: z.string(),
  lsn: z.object({ start: z.string(), stop: z.string() }),
  timestamp: z.object({ start: z.number(), stop: z.number() }),
});

/** The part of a record that others know too: by the record, and by those who know. They must be the same. */
export async function recordAndTruth(
  holdfast: Holdfast,
  stores: TestStores,
  backup: BackupAnswer,
  site: string,
): Promise<{ readonly record: object; readonly truth: object }> {
  const copy = backup.copies.find((one) => one.site === site);
  if (!copy || !isId('clu', backup.clusterId) || backup.node === null) throw new Error(JSON.stringify(backup));
  const view = await viewCluster(holdfast.fleet, backup.clusterId);
  const node = view.nodes.find(({ name }) => name === backup.node);
  if (!node) throw new Error(`no node ${backup.node}`);
  const run = (command: ReturnType<typeof sh>): Promise<string> =>
    hostOf(holdfast.fleet, view, reachableNode(view, node.name)).run(command);
  const number = (await holdfast.cluster('shop')).spec.backups?.sites.indexOf(site) ?? -1;
  const words = [`--config=${BACKUP_CONFIG_FILE}`, `--stanza=${backup.timelineId}`, `--repo=${number + 1}`];
  const ask = ['runuser', '-u', 'postgres', '--', 'pgbackrest', '--log-level-console=warn', ...words];
  const info = await run(sh`${ask} --output=json ${`--set=${copy.setId}`} info`);
  const [stanza] = z.tuple([z.object({ backup: z.tuple([toldSet]) })]).parse(JSON.parse(info));
  const [told] = stanza.backup;
  const file = `backup/${backup.timelineId}/${copy.setId}/backup.manifest`;
  // What would open its files is not wanted here.
  const manifest = await run(sh`${ask} repo-get ${file} | grep -e ^option- -e ^backup-`);
  const version = await run(sh`${`/usr/lib/postgresql/${view.cluster.spec.version}/bin/postgres`} --version`);
  const ofServer = { version: /\d+\.\d+/.exec(version)?.[0] };
  const truth = { ...ofServer, ...ofSet(told), ...ofManifest(manifest), ...ofStore(stores, copy) };
  return { record: ofRecord(backup, copy), truth };
}

function ofRecord({ tool, version, parameters }: BackupAnswer, copy: Copy): object {
  const { setId, databaseBytes, storedBytes, startedAt, finishedAt, durationMs, startLsn, stopLsn, manifestSha256 } =
    copy;
  const times = { startedAt, finishedAt, durationMs, startLsn, stopLsn };
  return { setId, tool, version, databaseBytes, storedBytes, ...times, parameters, manifestSha256 };
}

function ofSet({ label, backrest, info, timestamp, lsn }: z.infer<typeof toldSet>): object {
  return {
    setId: label,
    tool: `pgBackRest ${backrest.version}`,
    databaseBytes: info.size,
    storedBytes: info.repository.delta,
    startedAt: new Date(timestamp.start * 1000).toISOString(),
    finishedAt: new Date(timestamp.stop * 1000).toISOString(),
    durationMs: (timestamp.stop - timestamp.start) * 1000,
    startLsn: lsn.start,
    stopLsn: lsn.stop,
  };
}

/** That it could be read decrypted shows which cipher it has: see what the store has of it. */
function ofManifest(manifest: string): { readonly parameters: object } {
  const option = (name: string): string | undefined => new RegExp(`^${name}=(.*)$`, 'm').exec(manifest)?.[1];
  return {
    parameters: {
      compressType: JSON.parse(option('option-compress-type') ?? 'null') as unknown,
      cipherType: 'aes-256-cbc',
      bundle: option('backup-bundle') === 'true',
      block: option('backup-block-incr') === 'true',
      processMax: Number(option('option-process-max')),
    },
  };
}

/** By the store's own folder. What is encrypted by a passphrase begins with OpenSSL's word for that. */
function ofStore(stores: TestStores, { site, path }: Copy): { readonly manifestSha256: string } {
  const folder = stores.dataFolder(site);
  const [file, ...others] = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    `/${name}`.endsWith(`${path}/backup.manifest`),
  );
  if (file === undefined || others.length > 0) throw new Error(`${site} has no manifest in ${path}, or several`);
  const content = readFileSync(join(folder, file));
  if (content.subarray(0, 8).toString() !== 'Salted__') throw new Error(`${file} is not encrypted`);
  return { manifestSha256: createHash('sha256').update(content).digest('hex') };
}

/** When a copy of any backup of the cluster was last found to be good, by that copy. */
export async function lastProofOf(
  holdfast: Holdfast,
  cluster: string,
): Promise<Pick<Copy, 'site' | 'setId' | 'lastVerifiedAt'> | undefined> {
  const copies = (await backupsOf(holdfast, cluster)).flatMap((backup) => backup.copies);
  const [newest] = copies.sort((a, b) => (b.lastVerifiedAt ?? '').localeCompare(a.lastVerifiedAt ?? ''));
  return newest && { site: newest.site, setId: newest.setId, lastVerifiedAt: newest.lastVerifiedAt };
}

/** The sites that have backups of a cluster, once so many do. */
export function untilOnSites(holdfast: Holdfast, cluster: string, count: number): Promise<string[]> {
  return eventually(async () => {
    const copies = (await backupsOf(holdfast, cluster)).flatMap((backup) => backup.copies);
    const sites = [...new Set(copies.map(({ site }) => site))].sort();
    return sites.length >= count && sites;
  }, POLL);
}
