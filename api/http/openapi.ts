import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathItemObject } from 'zod-openapi';
import { type ErrorCode, ERRORS } from '../../domain/errors';
import { problemSchema } from '../../domain/schemas/problems';
import { SESSION_COOKIE } from './codec-session';
import { HEADER_PATTERNS } from './headers';
import type { AnswerHeader, Route } from './route';

/** The OpenAPI document, made from the routes that serve: it can't say anything else than they do. */

type Document = ReturnType<typeof createDocument>;

/** A body that a route has no use for is read too, and refused. */
const ALWAYS: readonly ErrorCode[] = [
  'MALFORMED_REQUEST',
  'INVALID_JSON',
  'BODY_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'VALIDATION_FAILED',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'TOO_MANY_REQUESTS',
  'INTERNAL',
  'UNAVAILABLE',
];

const ANSWER_HEADERS: Record<AnswerHeader, string> = {
  ETag: 'Generation of the cluster, for If-Match.',
  Location: 'Path of what was made or accepted.',
  'Retry-After': 'Seconds until it makes sense to look.',
  'Idempotency-Replayed': '`true`: an earlier request with the same Idempotency-Key did it.',
};
const REQUEST_HEADERS = {
  'If-Match': 'ETag that the caller has seen; 412 when the cluster has changed since.',
  'Idempotency-Key':
    'Unique text of the caller: the same request again gives the same operation or answer; another one 422.',
  'Last-Event-ID': 'Go on after this event.',
} as const;

const TAGS = [
  { name: 'Clusters', description: 'PostgreSQL services.' },
  { name: 'Backups', description: 'Physical backups of clusters, and new clusters that are restored from them.' },
  { name: 'Dumps', description: 'Logical dumps of databases, and databases that are restored from them.' },
  { name: 'Operations', description: 'What is being done to them, step by step.' },
  { name: 'Hosts', description: 'Machines that you have, for clusters of the cloud `static`.' },
  { name: 'Sites', description: 'Object stores that backups go to.' },
  { name: 'Catalogue', description: 'What can be ordered.' },
  { name: 'Tokens', description: 'Who may use this API.' },
  { name: 'Histories', description: "What Temporal's histories hold, for its Web UI and its command." },
  { name: 'Health', description: 'For machines that watch this one. No token needed.' },
];

/** @param pages what is there besides routes of resources, as it stands in the document. */
export function createOpenApiDocument(
  routes: readonly Route[],
  version: string,
  pages: Readonly<Record<string, ZodOpenApiPathItemObject>> = {},
): Document {
  const paths: Record<string, ZodOpenApiPathItemObject> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method] = operationOf(route);
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Holdfast',
      version,
      description:
        'PostgreSQL as a service on machines that you own. Errors are RFC 9457 problems; `GET /v1/errors` lists their codes.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: TAGS,
    security: [{ token: [] }],
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: '`hft_…`; the first one is in `.holdfast/token`.' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: SESSION_COOKIE,
          description: 'Of a browser that signed in at `/v1/codec/login`: ends after 12 hours, or with its token.',
        },
      },
    },
    paths: { ...paths, ...pages, ...HEALTH_PATHS },
  });
}

function operationOf(route: Route): ZodOpenApiOperationObject {
  const scope = route.scope === null ? 'Any valid token.' : `Scope: \`${route.scope}\`.`;
  return {
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    description: [route.description, scope].filter(Boolean).join('\n\n'),
    ...(route.takesSession ? { security: [{ token: [] }, { session: [] }] } : {}),
    'x-body-limit-bytes': route.bodyLimitBytes,
    requestParams: { path: route.params, query: route.query },
    parameters: (route.headers ?? []).map((name) => ({
      name,
      in: 'header' as const,
      required: false,
      description: REQUEST_HEADERS[name],
      schema: { type: 'string' as const, pattern: HEADER_PATTERNS[name].source },
    })),
    ...(route.body === null
      ? {}
      : {
          requestBody: {
            required: !route.body.safeParse(undefined).success,
            content: { 'application/json': { schema: route.body } },
          },
        }),
    responses: { ...answersOf(route), ...problemsOf([...ALWAYS, ...route.errors]) },
  };
}

function answersOf(route: Route): ZodOpenApiOperationObject['responses'] {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, { description, schema, mediaType, headers = [] }]) => [
      status,
      {
        description,
        headers: Object.fromEntries(
          headers.map((name) => [name, { description: ANSWER_HEADERS[name], schema: { type: 'string' as const } }]),
        ),
        ...(schema ? { content: { 'application/json': { schema } } } : {}),
        ...(mediaType ? { content: { [mediaType]: {} } } : {}),
      },
    ]),
  );
}

/** One response a status, which names the codes that it may carry. */
export function problemsOf(codes: readonly ErrorCode[]): NonNullable<ZodOpenApiOperationObject['responses']> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set(codes))
    byStatus.set(ERRORS[code].status, [...(byStatus.get(ERRORS[code].status) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, ofStatus]) => [
      status,
      {
        description: ofStatus.map((code) => `${code}: ${ERRORS[code].title}.`).join(' '),
        content: { 'application/problem+json': { schema: problemSchema } },
      },
    ]),
  );
}

const health = (
  operationId: string,
  summary: string,
  responses: NonNullable<ZodOpenApiOperationObject['responses']>,
): ZodOpenApiPathItemObject => ({
  get: { operationId, summary, tags: ['Health'], security: [], responses },
});

const HEALTH_PATHS: Record<string, ZodOpenApiPathItemObject> = {
  '/healthz': health('health', 'The process runs', { 200: { description: 'It does; `version` is its release.' } }),
  '/readyz': health('readiness', 'Inventory and workflow engine answer', {
    200: { description: 'They do.' },
    503: { description: 'One does not.' },
  }),
  '/metrics': health('metrics', "Metrics in Prometheus' format", { 200: { description: 'The metrics.' } }),
  '/v1/openapi.json': health('openapi', 'This document', { 200: { description: 'The document.' } }),
  '/v1/docs': health('docs', 'This document for people', { 200: { description: 'A page.' } }),
  '/v1/errors': health('errors', 'All error codes', { 200: { description: 'Code, status, title and page of each.' } }),
  '/v1/errors/{code}': {
    parameters: [{ name: 'code', in: 'path', required: true, schema: { type: 'string' } }],
    ...health('error', 'What an error code means and what to do', {
      200: { description: 'A page.' },
      ...problemsOf(['NOT_FOUND', 'VALIDATION_FAILED', 'INTERNAL']),
    }),
  },
};
