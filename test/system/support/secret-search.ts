/** Looks for secrets where none may be. */

export interface Secret {
  /** What a failure shows instead of the secret. */
  readonly name: string;
  readonly text: string;
}

export interface Place {
  readonly name: string;
  readonly text: string;
  /** Something that is known to stand there: a search that does not find it would find no secret either. */
  readonly control: string;
}

/** `<secret> in <place>` for each that is found, and what is wrong with places that are empty of what they must hold. */
export function findSecrets(places: readonly Place[], secrets: readonly Secret[]): string[] {
  return places.flatMap((place) => [
    ...(place.text.includes(place.control) ? [] : [`${place.name} does not even hold ${place.control}`]),
    ...secrets.filter(({ text }) => place.text.includes(text)).map(({ name }) => `${name} in ${place.name}`),
  ]);
}

/** Shorter ones are found by chance. */
const SHORTEST = 16;

/**
 * What to look for when `value` is secret: a password itself, and each line of a private key (in text or in JSON), so
 * that a key is found however its lines are broken up. Certificates are public.
 */
export function secretsOf(name: string, value: string): Secret[] {
  const keys = [...value.replaceAll('\\n', '\n').matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----\n([^-]+)-----END/g)];
  const lines = keys.flatMap(([, body]) => (body ?? '').split('\n').map((line) => line.trim()));
  const texts = keys.length > 0 ? lines : [value.trim()];
  const found = texts.filter((text) => text.length >= SHORTEST).map((text) => ({ name, text }));
  if (found.length === 0) throw new Error(`nothing to look for in ${name}`);
  return found;
}
