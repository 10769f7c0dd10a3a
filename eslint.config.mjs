import { builtinModules } from 'node:module';
import tseslint from 'typescript-eslint';

/** Forbids imports by path pattern; the message tells which arrow of the architecture it would break. */
const forbid = (group, message) => ({ group, message });

/** Forbids modules by their exact names: as a path pattern, Node's `domain` and `cluster` would match our own files. */
const forbidModules = (names, message) => ({ regex: `^(?:${names.join('|')})$`, message });

/** One layer of the house: which files it has and what they may not import (README, section Architecture). */
const layer = (files, ...patterns) => ({
  files,
  rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
});

/** A part of the house: its index and all that is in it. */
const parts = (...names) => names.flatMap((name) => [`**/${name}`, `**/${name}/**`]);

const noApi = forbid(parts('api'), 'Nothing imports api.');
const nodeModules = [...builtinModules, 'node:.+'];

export default tseslint.config(
  { ignores: ['dist', 'node_modules', '.holdfast', '**/*.js', '**/*.cjs', '**/*.mjs'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: true }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-assertions': [
        'error',
        { assertionStyle: 'as', objectLiteralTypeAssertions: 'never' },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 45, skipBlankLines: true, skipComments: true }],
    },
  },
  layer(
    ['domain/**/*.ts'],
    noApi,
    forbid(parts('workflows', 'activities', 'workers', 'infra'), 'domain imports nothing of the project.'),
    forbidModules(['@temporalio/.+', ...nodeModules, 'pg', 'ssh2', 'dockerode'], 'domain has no I/O and no Temporal.'),
  ),
  layer(
    ['workflows/**/*.ts'],
    noApi,
    forbidModules(nodeModules, 'Workflow code runs in a sandbox without Node.'),
    forbid(
      ['@temporalio/client', '@temporalio/worker', '@temporalio/activity'],
      'Workflow code uses @temporalio/workflow and common only.',
    ),
    forbid(
      ['zod', '**/domain/schemas/**'],
      'zod stays at the edge: a schema in the bundle is allocated per cached workflow.',
    ),
    forbid(parts('workers', 'infra'), 'workflows -> domain and types of activities only.'),
    { group: parts('activities'), allowTypeImports: true, message: 'Workflows import types of activities only.' },
  ),
  layer(['activities/**/*.ts'], noApi, forbid(parts('workflows', 'workers', 'infra'), 'activities -> domain.')),
  layer(
    ['api/**/*.ts'],
    forbid(parts('workers', 'infra'), 'api -> domain, workflows, and what it shares with activities.'),
    {
      regex: '(?:^|/)activities(?:$|/(?!(?:escrow|inventory|secrets)/|project-root$|storage/signed-url$))',
      message:
        'Of activities, api shares the inventory, the secret store, the escrow, the project root and the signing of URLs only.',
    },
  ),
  layer(['workers/**/*.ts', 'infra/**/*.ts'], noApi),
  {
    files: ['workflows/**/*.ts'],
    rules: {
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: 'Program > VariableDeclaration[kind!="const"]',
          message: 'Module state leaks between workflow executions.',
        },
        {
          selector: 'Program > VariableDeclaration > VariableDeclarator > NewExpression',
          message: 'Module state leaks between workflow executions.',
        },
        {
          selector: 'Program > ExportNamedDeclaration > VariableDeclaration > VariableDeclarator > NewExpression',
          message: 'Module state leaks between workflow executions.',
        },
        {
          selector: 'CallExpression[callee.property.name="race"][callee.object.name="Promise"]',
          message: 'Use a CancellationScope: Promise.race leaves the loser running.',
        },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: { 'max-lines-per-function': 'off' },
  },
);
