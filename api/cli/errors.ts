import type { Problem } from '../../domain/schemas/problems';
import { ApiError } from './client';
import { CliError, EXIT } from './exit';
import { type Format, sayError, sayProblem } from './output';

/** Prints an error with the next command to try. @returns the exit code. */
export function explainError(error: unknown, format: Format): number {
  if (error instanceof ApiError) {
    sayProblem(format, error.problem, nextCommand(error.problem));
    return exitCodeOf(error.problem.status);
  }
  if (error instanceof CliError) {
    sayError(format, error.message, error.next);
    return error.exitCode;
  }
  sayError(format, error instanceof Error ? error.message : String(error), null);
  return EXIT.error;
}

function exitCodeOf(status: number): number {
  if (status === 400) return EXIT.usage;
  if (status === 401 || status === 403) return EXIT.notAuthorised;
  return [409, 412, 422].includes(status) ? EXIT.conflict : EXIT.error;
}

function nextCommand({ code, operation, errors, docUrl }: Problem): string | null {
  switch (code) {
    case 'UNAUTHENTICATED':
      return 'export HOLDFAST_TOKEN="$(cat .holdfast/token)"';
    case 'FORBIDDEN':
      return 'holdfast token create NAME --scope SCOPE (with a token that has that scope)';
    case 'NOT_FOUND':
      return 'holdfast cluster list';
    case 'CLUSTER_BUSY':
      return `holdfast ops watch ${operation?.split('/').at(-1) ?? 'OP'}`;
    case 'CLUSTER_NOT_READY':
      return 'holdfast ops list';
    case 'DELETION_PROTECTED':
      return 'holdfast cluster unprotect NAME';
    case 'VALIDATION_FAILED':
      return errors?.some(({ pointer }) => pointer === '/plan')
        ? 'holdfast plan list'
        : errors?.some(({ pointer }) => pointer === '/version')
          ? 'holdfast version list'
          : null;
    default:
      return `see ${docUrl}`;
  }
}
