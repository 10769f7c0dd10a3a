/** Three suites: `unit` needs nothing, `workflow` a Temporal server, `system` real hosts; `npm test` brings them. */
const shared = {
  testEnvironment: 'node',
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2024', parser: { syntax: 'typescript' } }, sourceMaps: 'inline' }],
  },
  moduleFileExtensions: ['ts', 'js', 'json'],
  modulePathIgnorePatterns: ['<rootDir>/dist', '<rootDir>/.holdfast'],
};

module.exports = {
  projects: ['unit', 'workflow', 'system', 'chaos'].map((suite) => ({
    ...shared,
    displayName: suite,
    testMatch: [`<rootDir>/test/${suite}/**/*.test.ts`],
  })),
};
