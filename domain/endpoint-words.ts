/**
 * What became of the address of an endpoint whose cluster takes the place of another one, for people.
 *
 * @param before of the one that was deleted; null: it had none that floats.
 * @param now null: the same.
 */
export function addressInWords(before: string | null, now: string | null): string {
  if (now !== null && now === before) return `its endpoint has the address ${now} again`;
  const changed = before === null ? 'its endpoint has other ports than before' : `the address ${before} is taken`;
  return now === null ? changed : `${changed}: its endpoint has ${now} now`;
}
