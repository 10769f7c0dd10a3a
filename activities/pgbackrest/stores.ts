import type { StepRef } from '../../domain/clusters';
import type { TimelineId } from '../../domain/ids';
import type { SiteName } from '../../domain/sites';
import type { Fleet, ReachableNode } from '../fleet';
import { fencedHostOf } from '../fleet';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import { asPostgres, pgbackrest } from './commands';
import { ARCHIVE_CONFIG_FILE, stanzaConfig, stanzaConfigFile } from './config';
import type { Lineage } from './config';
import { recordManifests } from './verify';
import type { Told } from './data-nodes';
import { secretFile } from './files';
import type { RepositoryInfo } from './info';
import { parseInfo } from './info';

/** The stores of a lineage as one of its hosts sees them. */

/** A store that says nothing for so long is away. */
const ANSWER_S = 2;
/** A store that is away is asked for so long. */
const INFO_TIMEOUT_MS = 90_000;

export interface SeenStore {
  readonly site: SiteName;
  /** Its number in pgBackRest's configuration, which begins with 1. */
  readonly repository: number;
  readonly info: RepositoryInfo;
}

/** What each store has, asked at the same time; one that is away has a trouble. */
export async function lookIntoStores(host: Host, { timeline, repositories }: Lineage): Promise<SeenStore[]> {
  return Promise.all(
    repositories.map(async ({ place }, i) => {
      const repository = i + 1;
      const words = [
        `--repo=${repository}`,
        `--io-timeout=${ANSWER_S}`,
        '--output=json',
        '--log-level-console=warn',
        'info',
      ];
      const command = asPostgres(pgbackrest(ARCHIVE_CONFIG_FILE, timeline.id, ...words));
      const json = await host.run(command, { title: `ask site ${place.site}`, timeoutMs: INFO_TIMEOUT_MS });
      return { site: place.site, repository, info: parseInfo(json, repository, `${place.path}/backup/${timeline.id}`) };
    }),
  );
}

/** What the stores have is known from now on, also what a host took by itself. A store that does not answer tells nothing. */
export async function recordSets(
  fleet: Fleet,
  { timeline }: Pick<Lineage, 'timeline'>,
  seen: readonly SeenStore[],
): Promise<void> {
  for (const { site, info } of seen) {
    // One that was emptied, or that somebody put in its place, says nothing of what there was.
    if (!info.hasStanza) continue;
    await fleet.inventory.backups.recordSets(timeline, site, info.sets);
    await recordManifests(fleet, timeline, site);
  }
}

/** `archive/tl_…/18-1/0000000100000000/000000010000000000000003-….zst`; a part of a segment has another name. */
const ARCHIVED = /^archive\/[^/]+\/[^/]+-(\d+)\/[0-9A-F]{16}\/([0-9A-F]{24})-[0-9a-f]{40}/;

/** Names of the segments that a site has of the lineage's newest database. @throws SITE_UNAVAILABLE, SITE_REFUSED. */
export async function listSegments(
  { storage }: Pick<Fleet, 'storage'>,
  site: SiteName,
  id: TimelineId,
): Promise<string[]> {
  const segments = new Map<number, string[]>();
  for await (const { key } of storage.list(site, id, `archive/${id}/`)) {
    const [, database, segment] = ARCHIVED.exec(key) ?? [];
    if (segment === undefined) continue;
    const others = segments.get(Number(database)) ?? [];
    segments.set(Number(database), others);
    others.push(segment);
  }
  return segments.get(Math.max(...segments.keys())) ?? [];
}

/**
 * Makes the stanza on the sites that have none. pgBackRest would ask the others too, and fail with the first that is away:
 * it is told of those alone, in a file of its own. Idempotent.
 *
 * @returns what the stores had.
 * @param demanded sites that must have it in the end: on others a store that is away is left to the next time.
 * @throws HOST_COMMAND_FAILED in the words of pgBackRest.
 */
export async function createStanza(
  fleet: Fleet,
  at: StepRef,
  { view, lineage }: Told,
  { primary, demanded }: { primary: ReachableNode; demanded: readonly SiteName[] },
): Promise<readonly SeenStore[]> {
  const host = fencedHostOf(fleet, at, view, primary);
  const seen = await lookIntoStores(host, lineage);
  const bare = seen.filter(({ site, info }) => !info.hasStanza && (info.trouble === null || demanded.includes(site)));
  if (bare.length === 0) return seen;
  const repositories = lineage.repositories.filter(({ place }) => bare.some(({ site }) => site === place.site));
  const file = stanzaConfigFile(at.operationId);
  await host.putFiles([secretFile(file, stanzaConfig(view, { ...lineage, repositories }))]);
  const create = asPostgres(pgbackrest(file, lineage.timeline.id, 'stanza-create'));
  const title = `create the stanza on ${bare.map(({ site }) => site).join(' and ')}`;
  await host.run(sh`sh -c ${`${create}; status=$?; rm -f -- "$1"; exit $status`} sh ${file}`, {
    title,
    timeoutMs: INFO_TIMEOUT_MS,
  });
  return seen;
}
