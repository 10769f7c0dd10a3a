/**
 * Six suites: `unit` needs nothing, `workflow` a Temporal server, `chaos` that, an inventory and a simulated cloud, `control`
 * the same without any cloud, `system` real hosts, `alone` those and the machine for itself; `npm test` brings them.
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
  projects: ['unit', 'workflow', 'chaos', 'control', 'system', 'alone'].map((suite) => ({
    ...shared,
    displayName: suite,
    testMatch: [`<rootDir>/test/${suite}/**/*.test.ts`],
  })),
};
