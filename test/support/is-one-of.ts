/** True when `text` is one of those; lets the compiler know it too. */
export function isOneOf<T extends string>(text: string, all: readonly string[]): text is T {
  return all.includes(text);
}
