/** What the parts of the client have in common. */

/** A path of the API with its values as URLs want them. */
export const at = (strings: TemplateStringsArray, ...values: string[]): string =>
  String.raw(strings, ...values.map(encodeURIComponent));

export type Get = <T>(path: string) => Promise<T>;
export type Write = <T>(method: string, path: string, body?: unknown) => Promise<T>;
