/**
 * How worker and API are run by Node.js. Left alone, V8 lets a heap grow as far as a machine's memory goes before it cleans
 * up: with 1,000 clusters that was more than 400 MB each, most of it garbage. Measured by `npm run bench engine`.
 */
export const NODE_FLAGS: readonly string[] = [
  '--enable-source-maps',
  '--max-semi-space-size=2',
  '--max-old-space-size=384',
];
