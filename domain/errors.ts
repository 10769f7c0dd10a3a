import { type ErrorCode, ERRORS } from './error-catalogue';

export { type ErrorCode, type ErrorEntry, ERRORS } from './error-catalogue';

/** The one error of Holdfast, by the code of its catalogue. */

const ABSENCES: readonly ErrorCode[] = [
  'HOST_UNREACHABLE',
  'CLOUD_UNAVAILABLE',
  'SITE_UNAVAILABLE',
  'UNAVAILABLE',
  'KEY_COMMAND_FAILED',
];

/** True for the code of something that does not answer: nothing is wrong with what it was asked, and it may come back. */
export function isAbsence(code: string): boolean {
  return ABSENCES.some((absence) => absence === code);
}

/** An error with a code of the catalogue; the API answers it as a problem, the worker turns it into an ApplicationFailure. */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';

  /**
   * @param code of the catalogue.
   * @param values fill the template's placeholders; never a secret.
   */
  constructor(
    readonly code: ErrorCode,
    readonly values: Readonly<Record<string, string | number>> = {},
    options?: ErrorOptions,
  ) {
    super(fillTemplate(ERRORS[code].template, values), options);
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/** True for an error that tells of something that does not answer: see {@link isAbsence}. */
export function tellsAbsence(error: unknown): boolean {
  return error instanceof HoldfastError && isAbsence(error.code);
}

/** Fills `{placeholders}`; one without a value stays visible, which the catalogue's test refuses. `{this?}` may go without. */
export function fillTemplate(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)(\?)?\}/g, (whole, key: string, mayLack?: string) =>
    String(values[key] ?? (mayLack ? '' : whole)),
  );
}
