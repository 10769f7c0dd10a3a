import type { KnownSite } from '../../activities/inventory/backup-tables';
import { listOf } from '../../domain/schemas/pages';
import { type SiteReportAnswer, siteReportSchema } from '../../domain/schemas/sites';
import type { SiteCheck } from '../../domain/sites';
import type { ApiDeps } from './deps';
import { reply, route, type Route } from './route';

/** Object stores that backups go to. They stand in a file, so there is nothing here that changes them. */
export function siteRoutes({ inventory, engine }: ApiDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/sites',
      operationId: 'listSites',
      summary: 'Object stores, and whether each can be used',
      description:
        'A worker writes an object to each site, reads it back and deletes it, at the same time: this can take 5 s. ' +
        'Without sites there are no backups.',
      tag: 'Sites',
      scope: 'clusters:read',
      answers: { 200: { description: 'All sites, the preferred one first.', schema: listOf(siteReportSchema) } },
      errors: ['UNAVAILABLE'],
      async handle() {
        const sites = await inventory.sites.list();
        const checks = sites.length === 0 ? [] : await engine.checkSites();
        return reply(200, { items: sites.map((site) => report(site, checks)) });
      },
    }),
  ];
}

/** Workers may run on several machines, each with a file of its own. */
const UNKNOWN_TO_WORKER: Omit<SiteCheck, 'site'> = {
  ok: false,
  message: 'The worker that was asked does not know this site.',
  remedy: 'Give all workers the same sites file, and start them again.',
  durationMs: 0,
};

function report({ name, endpoint, bucket, clouds }: KnownSite, checks: readonly SiteCheck[]): SiteReportAnswer {
  const check = checks.find(({ site }) => site === name) ?? UNKNOWN_TO_WORKER;
  const { ok, message, remedy, durationMs } = check;
  return { name, endpoint, bucket, clouds: [...clouds], ok, message, remedy, durationMs };
}
