/**
 * Seven suites: `unit` needs nothing, `workflow` a Temporal server, `chaos` that, an inventory and a simulated cloud, `control`
 * the same without any cloud, `backups` and `system` real hosts, `alone` those and the machine for itself; `npm test` brings them.
 */
const shared = {
  testEnvironment: 'node',
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2024', parser: { syntax: 'typescript' } }, sourceMaps: 'inline' }],
  },
  moduleFileExtensions: ['ts', 'js', 'json'],
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.holdfast'],
};

module.exports = {
  // A busy machine takes its time; what must not take long is measured by the benchmarks.
  testTimeout: 60_000,
  reporters: ['<rootDir>/test/support/reasons-first.cjs', 'default'],
  projects: ['unit', 'workflow', 'chaos', 'control', 'backups', 'system', 'alone'].map((suite) => ({
    ...shared,
    displayName: suite,
    testMatch: [`<rootDir>/test/${suite}/**/*.test.ts`],
  })),
};
