import { parseAccount, SECRET_NAMES } from '../../activities/secrets/stored-secrets';
import { signUrl } from '../../activities/storage/signed-url';
import type { KnownSite } from '../../activities/inventory/backup-tables';
import type { Dump } from '../../domain/dumps';
import { dumpKey } from '../../domain/dumps';
import { HoldfastError } from '../../domain/errors';
import { downloadDumpSchema, dumpDownloadSchema } from '../../domain/schemas/dumps';
import type { DumpDownloadAnswer } from '../../domain/schemas/dumps';
import { placeOn } from '../../domain/sites';
import type { ApiDeps } from './deps';
import { dumpParams, findDump } from './dumps';
import { InvalidRequest } from './problem';
import { reply, route, type Route } from './route';

/** Dumps for people: by a URL to the store itself. */

export function dumpDownloadRoutes(deps: ApiDeps): Route[] {
  const { inventory } = deps;
  return [
    route({
      method: 'post',
      path: '/v1/dumps/{dump}/download',
      operationId: 'downloadDump',
      summary: 'A URL that a dump can be fetched from for a while',
      description: 'Nothing is asked of the store: the URL is signed here. Each is written to the audit log.',
      tag: 'Dumps',
      scope: 'credentials:read',
      params: dumpParams,
      body: downloadDumpSchema.optional(),
      answers: { 200: { description: 'The URL, and what it gives.', schema: dumpDownloadSchema } },
      errors: ['NOT_FOUND', 'DUMP_NOT_THERE', 'UNAVAILABLE'],
      async handle({ params, caller, body }) {
        const { expiresInSeconds, site } = body ?? downloadDumpSchema.parse({});
        const dump = await findDump(inventory, caller, params.dump);
        if (dump.state !== 'succeeded') throw new HoldfastError('DUMP_NOT_THERE', { dump: dump.id, state: dump.state });
        const from = chooseSite(dump, site, await inventory.sites.list());
        await inventory.audit({
          actor: caller.tokenName,
          action: 'download dump',
          subject: dump.clusterId,
          details: { project: dump.projectId, token: caller.tokenId, dump: dump.id, site: from.name, expiresInSeconds },
        });
        return reply(200, await sign(deps, dump, from, expiresInSeconds));
      },
    }),
  ];
}

/** @throws VALIDATION_FAILED for a site that has no copy; UNAVAILABLE while no worker has told of it. */
function chooseSite({ copies }: Dump, asked: string | undefined, known: readonly KnownSite[]): KnownSite {
  const there = copies.map(({ site }) => site);
  if (asked !== undefined && !there.includes(asked)) {
    const message = `has no copy of this dump: there are ${there.join(', ')}`;
    throw new InvalidRequest([{ in: 'body', pointer: '/site', code: 'no_such_site', message }]);
  }
  const found = known.find(({ name }) => (asked === undefined ? there.includes(name) : name === asked));
  if (!found) throw new HoldfastError('UNAVAILABLE', { part: `Site ${asked ?? there.join(', ')}` });
  return found;
}

async function sign(
  { secrets }: Pick<ApiDeps, 'secrets'>,
  { id, projectId, clusterId, timelineId, sizeBytes, checksum }: Dump,
  { name, endpoint, bucket, region, pathStyle = true, caPem = null, accounts }: KnownSite,
  expiresS: number,
): Promise<DumpDownloadAnswer> {
  if (region === undefined || accounts === undefined) throw new HoldfastError('UNAVAILABLE', { part: `Site ${name}` });
  const kept = await secrets.read({ projectId, clusterId, name: SECRET_NAMES.siteAccount(timelineId, name) });
  const place = placeOn({ accounts, bucket }, timelineId);
  const url = await signUrl(parseAccount(kept), {
    method: 'GET',
    endpoint,
    site: { region, pathStyle },
    bucket: place.bucket,
    key: `${place.prefix}${dumpKey(id)}`,
    expiresS,
  });
  return {
    url,
    expiresAt: new Date(Date.now() + expiresS * 1000).toISOString(),
    site: name,
    fileName: `${id}.tar`,
    sizeBytes: sizeBytes ?? 0,
    checksum: checksum ?? '',
    caCertificate: caPem,
  };
}
