/** What is wrong when something is not as it should be, in a sentence; nothing when it is. */
export function differs(what: string, is: unknown, should: unknown): string[] {
  const [seen, wanted] = [JSON.stringify(is), JSON.stringify(should)];
  return seen === wanted ? [] : [`${what}: ${seen} instead of ${wanted}`];
}
