import type { ErrorCode } from '../../domain/errors';
import type { Problem } from '../../domain/schemas/problems';
import { toType } from './called-as';
import type { ApiError } from './client';
import { type Running, typedWith } from './running';

/** What the API has refused, and to whom. */
interface Refused {
  readonly problem: Problem;
  readonly running: Running | null;
  /** The one that the path of the request names. */
  readonly cluster: string;
  /** The one that is in the way. */
  readonly operation: string;
  readonly tokenSource: string | null;
}

/** What to type after the API said no, or null where nothing can be typed that would help. */
export function nextCommand({ problem, tokenSource }: ApiError, running: Running | null): string | null {
  const cluster = /^\/v1\/clusters\/([^/]+)/.exec(problem.instance)?.[1] ?? 'NAME';
  const operation = lastOf(problem.operation) ?? 'OPERATION';
  const find = Object.entries(NEXT).find(([code]) => code === problem.code)?.[1];
  return find?.({ problem, running, cluster, operation, tokenSource }) ?? null;
}

const lastOf = (path: string | undefined): string | undefined => path?.split('/').at(-1);

const showOperation = ({ operation }: Refused): string => toType(`ops show ${operation}`);
const showNamesake = ({ problem }: Refused): string => toType(`cluster show ${lastOf(problem.cluster) ?? 'NAME'}`);

const NEXT: Partial<Record<ErrorCode, (refused: Refused) => string | null>> = {
  UNAUTHENTICATED: ({ tokenSource }) => nextToken(tokenSource),
  FORBIDDEN: () => `${toType('token create NAME --scope SCOPE')} (with a token that has that scope and tokens:write)`,
  BACKUPS_REMOVED: () => toType('cluster list --deleted'),
  NOT_FOUND: listOf,
  NAME_TAKEN: showNamesake,
  NOT_DELETED: showNamesake,
  CONFIRMATION_MISMATCH: ({ running, cluster }) =>
    running && typedWith(running, '--confirm', cluster.startsWith('clu_') ? 'NAME' : cluster),
  CLUSTER_BUSY: ({ operation }) => toType(`ops watch ${operation}`),
  OPERATION_FINISHED: showOperation,
  NOT_WAITING: showOperation,
  NO_APPROVAL_WANTED: showOperation,
  POINT_OF_NO_RETURN: showOperation,
  CLUSTER_NOT_READY: ({ cluster }) => toType(`ops list --cluster ${cluster}`),
  CLUSTER_STOPPED: ({ cluster }) => toType(`cluster start ${cluster}`),
  CLUSTER_NOT_STOPPED: ({ cluster }) => toType(`cluster show ${cluster}`),
  NODE_IS_PRIMARY: ({ cluster }) => toType(`switchover ${cluster}`),
  NO_QUORUM_LEFT: ({ cluster }) => toType(`cluster show ${cluster}`),
  OLD_DATA_KEPT: ({ cluster }) => toType(`restore kept ${cluster}`),
  RESTORE_TARGET_OUTSIDE: whatCanBeRestored,
  RESTORE_POINT_EXISTS: ({ cluster }) => toType(`restore point list ${cluster}`),
  NOTHING_KEPT: ({ cluster }) => toType(`restore window ${cluster}`),
  DUMP_NOT_THERE: () => toType('dump list'),
  DATABASE_EXISTS: ({ running }) =>
    running && `${typedWith(running, '--database', 'NEW_NAME')} (or --replace, to drop the one that is there)`,
  // One that was deleted gets none any more.
  BACKUPS_NOT_CONFIGURED: ({ problem, cluster }) =>
    toType(problem.instance.endsWith('/undelete') ? 'cluster list --deleted' : `backup begin ${cluster}`),
  DELETION_PROTECTED: ({ cluster }) => toType(`cluster unprotect ${cluster}`),
  VALIDATION_FAILED: nextForFields,
};

function nextToken(source: string | null): string {
  if (source === null) return 'npm start, which keeps a token in .holdfast/token, or set HOLDFAST_TOKEN';
  if (source === 'HOLDFAST_TOKEN') return 'set HOLDFAST_TOKEN to a valid token, or unset it to use .holdfast/token';
  return `npm start, which makes a new token when the one in ${source} is no longer valid`;
}

/** Where what is there can be seen, by what was looked for; how a cluster comes back that was deleted. */
function listOf({ problem: { missing, cluster: deleted }, cluster }: Refused): string | null {
  const { kind = '', ref = '' } = missing ?? {};
  switch (kind) {
    case 'cluster':
      return toType(deleted === undefined ? 'cluster list' : `cluster undelete ${ref}`);
    case 'deleted cluster':
      return toType('cluster list --deleted');
    case 'backup':
    case 'drill':
      return toType(`${kind} list ${cluster}`);
    case 'dump':
    case 'host':
    case 'token':
      return toType(`${kind} list`);
    case 'operation':
      return toType('ops list');
    case 'node':
      return toType(`cluster show ${cluster}`);
    case 'floating address':
      return toType('address list');
    default:
      return null;
  }
}

/** By what the target was named by. */
function whatCanBeRestored({ problem, running, cluster }: Refused): string {
  if (problem.instance.endsWith('/undelete')) return toType('cluster list --deleted');
  if (running?.options['point'] !== undefined) return toType(`restore point list ${cluster}`);
  return toType(`${running?.options['backup'] === undefined ? 'restore window' : 'backup list'} ${cluster}`);
}

function nextForFields({ problem: { errors = [] }, running }: Refused): string | null {
  const wrong = (pointer: string): boolean => errors.some((error) => error.pointer === pointer);
  if (wrong('/plan')) return toType('plan list');
  if (errors.some(({ pointer }) => /^\/(backups|site$|sites|dumps\/sites)/.test(pointer))) return toType('site list');
  if (wrong('/version') && running?.words !== 'restore create') return toType('version list');
  return running && toType(`${running.words} --help`);
}
