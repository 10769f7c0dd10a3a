import type { Problem } from '../../domain/schemas/problems';
import { toType } from './called-as';
import type { ApiError } from './client';

/** What to type after the API said no, or null where nothing can be typed that would help. */
export function nextCommand({ problem, tokenSource }: ApiError, running: string | null): string | null {
  const cluster = /^\/v1\/clusters\/([^/]+)/.exec(problem.instance)?.[1] ?? 'NAME';
  const operation = problem.operation?.split('/').at(-1) ?? 'OPERATION';
  switch (problem.code) {
    case 'UNAUTHENTICATED':
      return nextToken(tokenSource);
    case 'FORBIDDEN':
      return `${toType('token create NAME --scope SCOPE')} (with a token that has that scope and tokens:write)`;
    case 'NOT_FOUND':
      return toType(listOf(problem.instance));
    case 'NAME_TAKEN':
    case 'NOT_DELETED':
      return toType(`cluster show ${problem.cluster?.split('/').at(-1) ?? 'NAME'}`);
    case 'CONFIRMATION_MISMATCH':
      return toType(
        `${confirmed(problem.instance)} ${cluster} --confirm ${cluster.startsWith('clu_') ? 'NAME' : cluster}`,
      );
    case 'CLUSTER_BUSY':
      return toType(`ops watch ${operation}`);
    case 'OPERATION_FINISHED':
    case 'NOT_WAITING':
    case 'POINT_OF_NO_RETURN':
      return toType(`ops show ${operation}`);
    case 'CLUSTER_NOT_READY':
      return toType(`ops list --cluster ${cluster}`);
    case 'OLD_DATA_KEPT':
      return toType(`restore confirm ${cluster}`);
    case 'RESTORE_TARGET_OUTSIDE':
    case 'NOTHING_KEPT':
      return toType(`restore window ${cluster}`);
    case 'DUMP_NOT_THERE':
      return toType('dump list');
    case 'BACKUPS_NOT_CONFIGURED':
      return toType('site list');
    case 'DELETION_PROTECTED':
      return toType(`cluster unprotect ${cluster}`);
    case 'VALIDATION_FAILED':
      return nextForFields(problem, running);
    default:
      return null;
  }
}

function nextToken(source: string | null): string {
  if (source === null) return 'npm start, which keeps a token in .holdfast/token, or set HOLDFAST_TOKEN';
  if (source === 'HOLDFAST_TOKEN') return 'set HOLDFAST_TOKEN to a valid token, or unset it to use .holdfast/token';
  return `npm start, which makes a new token when the one in ${source} is no longer valid`;
}

/** Where what is there can be seen, by what was looked for. */
function listOf(path: string): string {
  const backupsOf = /^\/v1\/clusters\/([^/]+)\/backups\/./.exec(path)?.[1];
  if (backupsOf !== undefined) return `backup list ${backupsOf}`;
  if (path.startsWith('/v1/dumps/')) return 'dump list';
  if (path.startsWith('/v1/operations/')) return 'ops list';
  if (path.startsWith('/v1/hosts/')) return 'host list';
  if (path.startsWith('/v1/floating-addresses/')) return 'address list';
  return path.startsWith('/v1/tokens/') ? 'token list' : 'cluster list';
}

function nextForFields({ errors = [] }: Problem, running: string | null): string | null {
  const wrong = (pointer: string): boolean => errors.some((error) => error.pointer === pointer);
  if (wrong('/plan')) return toType('plan list');
  if (errors.some(({ pointer }) => /^\/(backups|site$)/.test(pointer))) return toType('site list');
  if (wrong('/version') && running !== 'restore create') return toType('version list');
  return running === null ? null : toType(`${running} --help`);
}

/** What the name is typed for. */
function confirmed(instance: string): string {
  if (instance.includes('/restores/in-place')) return 'restore in-place';
  return instance.includes('/restores/rollback') ? 'restore rollback' : 'cluster delete';
}
