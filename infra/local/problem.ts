/** Something that only the reader can put right: one sentence that says what is wrong and the remedy. Shown without a stack. */
export class Problem extends Error {
  override readonly name = 'Problem';
}

/** What the system answered, as one line. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
