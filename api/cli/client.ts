import { randomUUID } from 'node:crypto';
import type { OperationState } from '../../domain/operations';
import type { BackupPolicyDetailAnswer } from '../../domain/schemas/backup-policies';
import type { BackupAnswer, BackupPolicyRequest, TakeBackupRequest } from '../../domain/schemas/backups';
import type { RestoreWindowAnswer } from '../../domain/schemas/restore-window';
import type { PlanAnswer, VersionsAnswer } from '../../domain/schemas/catalogue';
import type { ClusterAnswer, ClusterDetailAnswer, CreateClusterRequest } from '../../domain/schemas/clusters';
import type { CredentialsAnswer } from '../../domain/schemas/credentials';
import type { RestoreDatabaseRequest } from '../../domain/schemas/database-restores';
import type { DrillAnswer, DrillDetailAnswer } from '../../domain/schemas/drills';
import type {
  DownloadDumpRequest,
  DumpAnswer,
  DumpDownloadAnswer,
  RestoreDumpRequest,
  TakeDumpRequest,
} from '../../domain/schemas/dumps';
import type {
  FloatingAddressAnswer,
  HostAnswer,
  HostReportAnswer,
  RegisterHostRequest,
} from '../../domain/schemas/hosts';
import type { OperationAnswer, OperationSummaryAnswer } from '../../domain/schemas/operations';
import { MAX_PAGE } from '../../domain/schemas/pages';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import type { Problem } from '../../domain/schemas/problems';
import type { CreateRestorePointRequest, RestorePointAnswer } from '../../domain/schemas/restore-points';
import type { RestoreClusterRequest } from '../../domain/schemas/restores';
import type { SiteReportAnswer } from '../../domain/schemas/sites';
import type { KeptDataAnswer, RestoreInPlaceRequest } from '../../domain/schemas/swaps';
import type { NewTokenAnswer, TokenAnswer } from '../../domain/schemas/tokens';
import { clusterOperationCalls } from './client-clusters';
import { at, type Get, type Write } from './client-paths';
import { CliError, EXIT } from './exit';
import type { CliSettings } from './settings';

/** The API as typed functions. It knows paths and shapes, nothing else. */
export type Client = ReturnType<typeof createClient>;

/** The API said no. */
export class ApiError extends Error {
  readonly url: string;
  readonly tokenSource: string | null;

  constructor(
    readonly problem: Problem,
    { url, tokenSource }: Pick<CliSettings, 'url' | 'tokenSource'>,
  ) {
    super(problem.detail);
    this.url = url;
    this.tokenSource = tokenSource;
  }
}

interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** @param limit ends the reading requests when it is aborted; default: they wait. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- its type is the list of its functions
export function createClient(settings: CliSettings, limit?: AbortSignal) {
  const get = <T>(path: string): Promise<T> => request<T>(settings, 'GET', path, limit ? { signal: limit } : {});
  const write = <T>(method: string, path: string, body?: unknown): Promise<T> =>
    request<T>(settings, method, path, { body, headers: { 'Idempotency-Key': randomUUID() } });
  return {
    listClusters: (drills = false) =>
      all<ClusterAnswer>((page) => get(`/v1/clusters?${page}&drills=${String(drills)}`)),
    listDeletedClusters: () => all<ClusterAnswer>((page) => get(`/v1/clusters?${page}&deleted=true`)),
    showCluster: (name: string) => get<ClusterDetailAnswer>(at`/v1/clusters/${name}`),
    createCluster: (body: CreateClusterRequest) => write<OperationAnswer>('POST', '/v1/clusters', body),
    previewCreate: (body: CreateClusterRequest) => write<PreviewAnswer>('POST', '/v1/clusters?preview=true', body),
    protectCluster: (name: string, deletionProtection: boolean) =>
      write<ClusterDetailAnswer>('PATCH', at`/v1/clusters/${name}`, { deletionProtection }),
    ...clusterOperationCalls(write),
    showCredentials: (name: string) => get<CredentialsAnswer>(at`/v1/clusters/${name}/credentials`),
    ...backupCalls(get, write),
    ...restorePointCalls(get, write),
    ...drillCalls(get, write),
    ...dumpCalls(get, write),
    listOperations: (cluster: string | undefined, limit: number, state?: OperationState) =>
      get<Page<OperationSummaryAnswer>>(
        `/v1/operations?limit=${limit}${cluster === undefined ? '' : at`&cluster=${cluster}`}${state ? `&state=${state}` : ''}`,
      ).then((page) => page.items),
    showOperation: (id: string) => get<OperationAnswer>(at`/v1/operations/${id}`),
    decideOperation: (id: string, decision: 'cancel' | 'retry' | 'approve') =>
      write<OperationAnswer>('POST', at`/v1/operations/${id}/${decision}`),
    openEvents: (id: string, after: number, signal: AbortSignal) =>
      call(settings, 'GET', at`/v1/operations/${id}/events`, {
        signal,
        headers: { 'Last-Event-ID': String(after), Accept: 'text/event-stream' },
      }),
    listPlans: () => get<Pick<Page<PlanAnswer>, 'items'>>('/v1/plans').then((page) => page.items),
    listVersions: () => get<VersionsAnswer>('/v1/versions'),
    listSites: () => get<Pick<Page<SiteReportAnswer>, 'items'>>('/v1/sites').then((page) => page.items),
    ...machineCalls(get, write),
    createToken: (body: { name: string; scopes: readonly string[]; expiresInDays: number }) =>
      write<NewTokenAnswer>('POST', '/v1/tokens', body),
    listTokens: () => get<Pick<Page<TokenAnswer>, 'items'>>('/v1/tokens').then((page) => page.items),
    revokeToken: (id: string) => write<void>('DELETE', at`/v1/tokens/${id}`),
  };
}

/** Of machines that users have, and their addresses. */
function machineCalls(get: Get, write: Write) {
  return {
    registerHost: (body: RegisterHostRequest) => write<HostAnswer>('POST', '/v1/hosts', body),
    listHosts: () => get<Pick<Page<HostAnswer>, 'items'>>('/v1/hosts').then((page) => page.items),
    showControlKey: () => get<{ readonly publicKey: string }>('/v1/hosts/key'),
    checkHost: (name: string) => write<HostReportAnswer>('POST', at`/v1/hosts/${name}/check`),
    removeHost: (name: string, force: boolean) => write<void>('DELETE', at`/v1/hosts/${name}?force=${String(force)}`),
    registerAddress: (body: { address: string }) =>
      write<FloatingAddressAnswer>('POST', '/v1/floating-addresses', body),
    listAddresses: () =>
      get<Pick<Page<FloatingAddressAnswer>, 'items'>>('/v1/floating-addresses').then((page) => page.items),
    removeAddress: (id: string) => write<void>('DELETE', at`/v1/floating-addresses/${id}`),
  };
}

/** Of backups and restores. */
function backupCalls(get: Get, write: Write) {
  return {
    listBackups: (cluster: string, most?: number) =>
      all<BackupAnswer>((page) => get(`${at`/v1/clusters/${cluster}/backups`}?${page}`), most),
    showBackup: (cluster: string, id: string) => get<BackupAnswer>(at`/v1/clusters/${cluster}/backups/${id}`),
    takeBackup: (cluster: string, body: TakeBackupRequest) =>
      write<OperationAnswer>('POST', at`/v1/clusters/${cluster}/backups`, body),
    previewBackup: (cluster: string, body: TakeBackupRequest) =>
      write<PreviewAnswer>('POST', at`/v1/clusters/${cluster}/backups?preview=true`, body),
    showBackupPolicy: (cluster: string) => get<BackupPolicyDetailAnswer>(at`/v1/clusters/${cluster}/backup-policy`),
    changeBackupPolicy: (cluster: string, body: BackupPolicyRequest) =>
      write<OperationAnswer>('PATCH', at`/v1/clusters/${cluster}/backup-policy`, body),
    previewBackupPolicy: (cluster: string, body: BackupPolicyRequest) =>
      write<PreviewAnswer>('PATCH', at`/v1/clusters/${cluster}/backup-policy?preview=true`, body),
    showRestoreWindow: (cluster: string) => get<RestoreWindowAnswer>(at`/v1/clusters/${cluster}/restores/window`),
    listRestores: (cluster: string, most?: number) =>
      all<OperationSummaryAnswer>((page) => get(`${at`/v1/clusters/${cluster}/restores`}?${page}`), most),
    restoreCluster: (cluster: string, body: RestoreClusterRequest) =>
      write<OperationAnswer>('POST', at`/v1/clusters/${cluster}/restores`, body),
    restoreDatabase: (cluster: string, body: RestoreDatabaseRequest) =>
      write<OperationAnswer>('POST', at`/v1/clusters/${cluster}/restores/database`, body),
    previewRestoreDatabase: (cluster: string, body: RestoreDatabaseRequest) =>
      write<PreviewAnswer>('POST', at`/v1/clusters/${cluster}/restores/database?preview=true`, body),
    restoreInPlace: (cluster: string, body: RestoreInPlaceRequest) =>
      write<OperationAnswer>('POST', at`/v1/clusters/${cluster}/restores/in-place`, body),
    previewRestoreInPlace: (cluster: string, body: RestoreInPlaceRequest) =>
      write<PreviewAnswer>('POST', at`/v1/clusters/${cluster}/restores/in-place?preview=true`, body),
    showKeptData: (cluster: string) => get<KeptDataAnswer>(at`/v1/clusters/${cluster}/restores/kept`),
    rollBackRestore: (cluster: string, confirm: string) =>
      write<OperationAnswer>('POST', at`/v1/clusters/${cluster}/restores/rollback`, { confirm }),
    previewRollback: (cluster: string) =>
      write<PreviewAnswer>('POST', at`/v1/clusters/${cluster}/restores/rollback?preview=true`, {}),
    confirmRestore: (cluster: string) => write<OperationAnswer>('POST', at`/v1/clusters/${cluster}/restores/confirm`),
    previewConfirmRestore: (cluster: string) =>
      write<PreviewAnswer>('POST', at`/v1/clusters/${cluster}/restores/confirm?preview=true`),
    previewRestore: (cluster: string, body: RestoreClusterRequest) =>
      write<PreviewAnswer>('POST', at`/v1/clusters/${cluster}/restores?preview=true`, body),
  };
}

function restorePointCalls(get: Get, write: Write) {
  return {
    listRestorePoints: (cluster: string, most?: number) =>
      all<RestorePointAnswer>((page) => get(`${at`/v1/clusters/${cluster}/restore-points`}?${page}`), most),
    createRestorePoint: (cluster: string, body: CreateRestorePointRequest) =>
      write<OperationAnswer>('POST', at`/v1/clusters/${cluster}/restore-points`, body),
    previewRestorePoint: (cluster: string, body: CreateRestorePointRequest) =>
      write<PreviewAnswer>('POST', at`/v1/clusters/${cluster}/restore-points?preview=true`, body),
  };
}

function drillCalls(get: Get, write: Write) {
  return {
    listDrills: (cluster: string, most?: number) =>
      all<DrillAnswer>((page) => get(`${at`/v1/clusters/${cluster}/drills`}?${page}`), most),
    showDrill: (cluster: string, id: string) => get<DrillDetailAnswer>(at`/v1/clusters/${cluster}/drills/${id}`),
    holdDrill: (cluster: string) => write<OperationAnswer>('POST', at`/v1/clusters/${cluster}/drills`),
    previewDrill: (cluster: string) => write<PreviewAnswer>('POST', at`/v1/clusters/${cluster}/drills?preview=true`),
  };
}

/** Of dumps. */
function dumpCalls(get: Get, write: Write) {
  return {
    listDumps: (cluster: string | undefined, most?: number) =>
      all<DumpAnswer>(
        (page) => get(`${cluster === undefined ? '/v1/dumps' : at`/v1/clusters/${cluster}/dumps`}?${page}`),
        most,
      ),
    showDump: (id: string) => get<DumpAnswer>(at`/v1/dumps/${id}`),
    takeDump: (cluster: string, body: TakeDumpRequest) =>
      write<OperationAnswer>('POST', at`/v1/clusters/${cluster}/dumps`, body),
    previewDump: (cluster: string, body: TakeDumpRequest) =>
      write<PreviewAnswer>('POST', at`/v1/clusters/${cluster}/dumps?preview=true`, body),
    downloadDump: (id: string, body: DownloadDumpRequest) =>
      write<DumpDownloadAnswer>('POST', at`/v1/dumps/${id}/download`, body),
    deleteDump: (id: string) => write<OperationAnswer>('DELETE', at`/v1/dumps/${id}`),
    restoreDump: (id: string, body: RestoreDumpRequest) =>
      write<OperationAnswer>('POST', at`/v1/dumps/${id}/restores`, body),
    previewDumpRestore: (id: string, body: RestoreDumpRequest) =>
      write<PreviewAnswer>('POST', at`/v1/dumps/${id}/restores?preview=true`, body),
  };
}

/** Release of the API. Rejects when it does not answer before the signal. */
export async function readApiVersion(settings: CliSettings, signal: AbortSignal): Promise<string> {
  const { version } = await request<{ version: string }>(settings, 'GET', '/healthz', { signal });
  return version;
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
  settings: CliSettings,
  method: string,
  path: string,
  { body, headers, signal }: Extras,
): Promise<Response> {
  const { url, token } = settings;
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
  if (!response.ok) throw await refusal(response, settings);
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

async function refusal(response: Response, settings: CliSettings): Promise<Error> {
  if (!response.headers.get('Content-Type')?.includes('problem+json')) {
    return new CliError(`${settings.url} answered ${response.status} without saying why: is it Holdfast?`);
  }
  return new ApiError((await response.json()) as Problem, settings);
}

/**
 * Walks the pages of a list.
 *
 * @param read reads the page that this part of a query asks for.
 * @param most items, of the newest; default: all there are.
 */
async function all<T>(read: (page: string) => Promise<Page<T>>, most = Infinity): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    // What is no number of items the API refuses, in its own words.
    const page: Page<T> = await read(`limit=${Math.min(most - items.length, MAX_PAGE)}${cursor}`);
    items.push(...page.items);
    cursor = page.nextCursor === null || items.length >= most ? null : at`&cursor=${page.nextCursor}`;
  }
  return items;
}
