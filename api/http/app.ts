import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import { HoldfastError } from '../../domain/errors';
import { authenticate, requireScope } from './auth';
import { backupPolicyRoutes } from './backup-policies';
import { backupRoutes } from './backups';
import { bodyReader } from './body';
import { catalogueRoutes } from './catalogue';
import { codecRouter, codecRoutes } from './codec';
import { LOGIN_PATH, loginDescription } from './codec-login-page';
import { clusterRoutes } from './clusters';
import { contextOf } from './context';
import { credentialRoutes } from './credentials';
import type { ApiDeps } from './deps';
import { databaseRestoreRoutes } from './database-restores';
import { drillRoutes } from './drills';
import { docsRouter } from './docs';
import { dumpDownloadRoutes } from './dump-downloads';
import { dumpRestoreRoutes } from './dump-restores';
import { dumpRoutes } from './dumps';
import { floatingAddressRoutes } from './floating-addresses';
import { hostRoutes } from './hosts';
import { healthRouter } from './health';
import { logRequests } from './log';
import { createMetrics } from './metrics';
import { createOpenApiDocument } from './openapi';
import { maintenanceRoutes } from './maintenance';
import { nodeRoutes } from './nodes';
import { operationRoutes } from './operations';
import { problemHandler, ProblemWithHeaders } from './problem';
import { powerRoutes } from './power';
import { createRateLimit, type RateLimit } from './rate-limit';
import { replacementRoutes } from './replacements';
import { restoreRoutes } from './restores';
import type { Route } from './route';
import { siteRoutes } from './sites';
import { restorePointRoutes } from './restore-points';
import { swapRoutes } from './swaps';
import { switchoverRoutes } from './switchovers';
import { tokenRoutes } from './tokens';
import { undeleteRoutes } from './undelete';

/** Requests per minute; default 600 a token, 1200 more for polling, 60 refused ones an address. */
export interface RateLimits {
  readonly general: number;
  readonly polling: number;
  readonly refused: number;
}
const DEFAULT_LIMITS: RateLimits = { general: 600, polling: 1200, refused: 60 };

export interface AppOptions extends ApiDeps {
  readonly version: string;
  readonly rateLimits?: RateLimits;
}

/** All routes of resources, in the order of the reference. */
export function allRoutes(deps: ApiDeps): Route[] {
  return [
    ...clusterRoutes(deps),
    ...undeleteRoutes(deps),
    ...switchoverRoutes(deps),
    ...replacementRoutes(deps),
    ...nodeRoutes(deps),
    ...powerRoutes(deps),
    ...maintenanceRoutes(deps),
    ...credentialRoutes(deps),
    ...backupRoutes(deps),
    ...backupPolicyRoutes(deps),
    ...restoreRoutes(deps),
    ...databaseRestoreRoutes(deps),
    ...drillRoutes(deps),
    ...swapRoutes(deps),
    ...restorePointRoutes(deps),
    ...dumpRoutes(deps),
    ...dumpDownloadRoutes(deps),
    ...dumpRestoreRoutes(deps),
    ...operationRoutes(deps),
    ...hostRoutes(deps),
    ...floatingAddressRoutes(deps),
    ...siteRoutes(deps),
    ...catalogueRoutes(deps),
    ...tokenRoutes(deps),
  ];
}

/** The API as an Express app. It does not listen: the caller does. */
export function createApp(options: AppOptions): Express {
  const app = express();
  const metrics = createMetrics(options.inventory.archiving);
  const routes = allRoutes(options);
  const codec = options.histories ? codecRoutes(options.histories) : [];
  const document = createOpenApiDocument(
    [...routes, ...codec],
    options.version,
    options.histories ? { [LOGIN_PATH]: loginDescription } : {},
  );
  app.disable('x-powered-by').set('etag', false).set('query parser', 'simple');
  app.use(logRequests(options.log), metrics.measure, secureHeaders);
  app.use(healthRouter(options), docsRouter());
  app.get('/metrics', metrics.show);
  app.get('/v1/openapi.json', (_request, response) => void response.json(document));
  mountCodec(app, codec, options);
  mountRoutes(app, routes, options);
  refuseOtherMethods(app, [...routes, ...codec]);
  app.use((request) => {
    throw new HoldfastError('NOT_FOUND', { kind: 'path', ref: request.path });
  });
  app.use(problemHandler(options.log));
  return app;
}

function mountCodec(
  app: Express,
  routes: readonly Route[],
  { histories, inventory, temporalUiUrl, rateLimits = DEFAULT_LIMITS }: AppOptions,
): void {
  if (!histories) return;
  const refused = createRateLimit(rateLimits.refused);
  app.use(codecRouter(routes, { keys: histories.keys, inventory, temporalUiUrl, refused }));
}

const expressPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

function mountRoutes(
  app: Express,
  routes: readonly Route[],
  { inventory, rateLimits = DEFAULT_LIMITS }: AppOptions,
): void {
  const limits = { general: createRateLimit(rateLimits.general), polling: createRateLimit(rateLimits.polling) };
  const refused = createRateLimit(rateLimits.refused);
  for (const route of routes) {
    const readBody = bodyReader(route.bodyLimitBytes);
    app[route.method](expressPath(route.path), async (request: Request, response: Response) => {
      contextOf(request).route = route.path;
      const caller = await countingRefusals(refused, request, response, () => authenticate(request, inventory));
      await limits[route.bucket ?? 'general'].count(caller.tokenId, response);
      if (route.scope !== null) requireScope(caller, route.scope);
      await readBody(request, response);
      await route.serve(request, response, caller);
    });
  }
}

/** Whoever tries out tokens is soon told to wait; a good token on the same address is not. */
async function countingRefusals<T>(
  limit: RateLimit,
  request: Request,
  response: Response,
  check: () => Promise<T>,
): Promise<T> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'UNAUTHENTICATED')
      await limit.count(request.ip ?? '', response);
    throw error;
  }
}

/** 405 with `Allow` for what a path does not know; OPTIONS just asks for that list. */
function refuseOtherMethods(app: Express, routes: readonly Route[]): void {
  const byPath = new Map<string, string[]>([
    ['/', ['GET']],
    ['/healthz', ['GET']],
    ['/readyz', ['GET']],
    ['/metrics', ['GET']],
    ['/v1/openapi.json', ['GET']],
    ['/v1/docs', ['GET']],
    ['/v1/errors', ['GET']],
    ['/v1/errors/{code}', ['GET']],
    [LOGIN_PATH, ['GET', 'POST']],
  ]);
  for (const { path, method } of routes) byPath.set(path, [...(byPath.get(path) ?? []), method.toUpperCase()]);
  for (const [path, methods] of byPath) {
    const allowed = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
    app.all(expressPath(path), (request, response) => {
      if (request.method !== 'OPTIONS')
        throw new ProblemWithHeaders('METHOD_NOT_ALLOWED', { method: request.method, allowed }, { Allow: allowed });
      response.set('Allow', allowed).status(204).end();
    });
  }
}

/** Answers are nobody else's to keep, to frame or to guess the type of. Pages that need more set their own policy. */
const secureHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
  });
  next();
};
