import { randomUUID } from 'node:crypto';
import type { PlanAnswer, VersionsAnswer } from '../../domain/schemas/catalogue';
import type { ClusterAnswer, ClusterDetailAnswer, CreateClusterRequest } from '../../domain/schemas/clusters';
import type { CredentialsAnswer } from '../../domain/schemas/credentials';
import type { OperationAnswer } from '../../domain/schemas/operations';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import type { Problem } from '../../domain/schemas/problems';
import type { NewTokenAnswer, TokenAnswer } from '../../domain/schemas/tokens';
import { CliError, EXIT } from './exit';
import type { CliSettings } from './settings';

/** The API as typed functions. It knows paths and shapes, nothing else. */
export type Client = ReturnType<typeof createClient>;

/** The API said no. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

const at = (strings: TemplateStringsArray, ...values: string[]): string =>
  String.raw(strings, ...values.map(encodeURIComponent));

// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- its type is the list of its functions
export function createClient(settings: CliSettings) {
  const get = <T>(path: string): Promise<T> => request<T>(settings, 'GET', path);
  const write = <T>(method: string, path: string, body?: unknown): Promise<T> =>
    request<T>(settings, method, path, { body, headers: { 'Idempotency-Key': randomUUID() } });
  return {
    listClusters: () => all<ClusterAnswer>((cursor) => get(`/v1/clusters?limit=200${cursor}`)),
    showCluster: (name: string) => get<ClusterDetailAnswer>(at`/v1/clusters/${name}`),
    createCluster: (body: CreateClusterRequest) => write<OperationAnswer>('POST', '/v1/clusters', body),
    previewCreate: (body: CreateClusterRequest) => write<PreviewAnswer>('POST', '/v1/clusters?preview=true', body),
    protectCluster: (name: string, deletionProtection: boolean) =>
      write<ClusterDetailAnswer>('PATCH', at`/v1/clusters/${name}`, { deletionProtection }),
    deleteCluster: (name: string, confirm: string) =>
      write<OperationAnswer>('DELETE', at`/v1/clusters/${name}`, { confirm }),
    previewDelete: (name: string) => write<PreviewAnswer>('DELETE', at`/v1/clusters/${name}?preview=true`),
    showCredentials: (name: string) => get<CredentialsAnswer>(at`/v1/clusters/${name}/credentials`),
    listOperations: (cluster: string | undefined, limit: number) =>
      get<Page<OperationAnswer>>(
        `/v1/operations?limit=${limit}${cluster === undefined ? '' : at`&cluster=${cluster}`}`,
      ).then((page) => page.items),
    showOperation: (id: string) => get<OperationAnswer>(at`/v1/operations/${id}`),
    decideOperation: (id: string, decision: 'cancel' | 'retry') =>
      write<OperationAnswer>('POST', at`/v1/operations/${id}/${decision}`),
    openEvents: (id: string, after: number, signal: AbortSignal) =>
      call(settings, 'GET', at`/v1/operations/${id}/events`, {
        signal,
        headers: { 'Last-Event-ID': String(after), Accept: 'text/event-stream' },
      }),
    listPlans: () => get<Pick<Page<PlanAnswer>, 'items'>>('/v1/plans').then((page) => page.items),
    listVersions: () => get<VersionsAnswer>('/v1/versions'),
    createToken: (body: { name: string; scopes: readonly string[]; expiresInDays: number }) =>
      write<NewTokenAnswer>('POST', '/v1/tokens', body),
    listTokens: () => get<Pick<Page<TokenAnswer>, 'items'>>('/v1/tokens').then((page) => page.items),
    revokeToken: (id: string) => write<void>('DELETE', at`/v1/tokens/${id}`),
  };
}

interface Extras {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

async function request<T>(settings: CliSettings, method: string, path: string, extras: Extras = {}): Promise<T> {
  const response = await call(settings, method, path, extras);
  // The API's own schema made this body: command and API come from one release.
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** @throws ApiError for a problem, CliError when nobody answers. */
async function call(
  { url, token }: CliSettings,
  method: string,
  path: string,
  { body, headers, signal }: Extras,
): Promise<Response> {
  const response = await fetch(`${url}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
    headers: {
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
      ...headers,
    },
  }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw noAnswer(url, error);
  });
  if (!response.ok) throw await refusal(response, url);
  return response;
}

function noAnswer(url: string, error: unknown): CliError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  return new CliError(
    `No answer from ${url} (${cause || 'connection refused'}).`,
    EXIT.error,
    'npm start, or set HOLDFAST_URL',
  );
}

async function refusal(response: Response, url: string): Promise<Error> {
  if (!response.headers.get('Content-Type')?.includes('problem+json')) {
    return new CliError(`${url} answered ${response.status} without saying why: is it Holdfast?`);
  }
  return new ApiError((await response.json()) as Problem);
}

async function all<T>(read: (cursor: string) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Page<T> = await read(cursor);
    items.push(...page.items);
    cursor = page.nextCursor === null ? null : at`&cursor=${page.nextCursor}`;
  }
  return items;
}
