import type { Problem } from '../../domain/schemas/problems';
import { toType } from './called-as';
import { ApiError } from './client';
import { CliError, EXIT } from './exit';
import { inOptions, optionOf } from './field-options';
import { nextCommand } from './next-command';
import { type Format, say } from './output';
import type { Running } from './running';

/**
 * Says what went wrong and what to type next, on stderr.
 *
 * @param running the command that failed; null: it did not begin.
 * @returns the exit code.
 */
export function explainError(error: unknown, format: Format, running: Running | null): number {
  if (error instanceof ApiError) {
    // The API says where its page is as a path: whoever reads this does not know of what.
    const problem = { ...error.problem, docUrl: `${error.url}${error.problem.docUrl}` };
    const next = nextCommand(error, running);
    if (format === 'json') say(JSON.stringify({ ...problem, next }));
    else for (const line of problemLines(problem, next)) say(line);
    return exitCodeOf(problem);
  }
  const message = error instanceof Error ? error.message : String(error);
  const next = error instanceof CliError ? (error.next ?? helpWith(error, running)) : null;
  if (format === 'json') say(JSON.stringify({ detail: message, next }));
  else for (const line of [`error: ${message}`, ...labelled('next', next)]) say(line);
  return error instanceof CliError ? error.exitCode : EXIT.error;
}

const helpWith = ({ exitCode }: CliError, running: Running | null): string | null =>
  exitCode === EXIT.usage && running ? toType(`${running.words} --help`) : null;

function problemLines(problem: Problem, next: string | null): string[] {
  return [
    ...headLines(problem),
    ...labelled('next', next),
    ...labelled('more', problem.docUrl),
    ...labelled('request', problem.requestId),
  ];
}

/** Fields by the names that they have on the command line, instead of the API's sentence about them. */
function headLines({ code, detail, errors = [] }: Problem): string[] {
  const wrong = errors.map((error) => `${optionOf(error)}: ${inOptions(error.message)}`);
  if (wrong.length === 0) return [`error ${code}: ${inOptions(detail)}`];
  if (wrong.length === 1) return [`error ${code}: ${wrong[0]}. Nothing was done.`];
  return [
    `error ${code}: ${wrong.length} things are wrong, and nothing was done:`,
    ...wrong.map((line) => `  ${line}`),
  ];
}

const labelled = (label: string, text: string | null): string[] =>
  text === null ? [] : [`  ${label.padEnd(9)}${text}`];

/** A target that can't be restored is wrong input, whatever the status of the API says of it. */
function exitCodeOf({ code, status }: Problem): number {
  if (status === 400 || code === 'RESTORE_TARGET_OUTSIDE') return EXIT.usage;
  if (status === 401 || status === 403) return EXIT.notAuthorised;
  return [409, 410, 412, 422].includes(status) ? EXIT.conflict : EXIT.error;
}
