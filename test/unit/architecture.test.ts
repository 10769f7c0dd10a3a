import { execFileSync } from 'node:child_process';
import path from 'node:path';

/** The arrows between the parts of the house hold because the linter refuses what breaks them: does it? */

const root = path.join(__dirname, '../..');

const FORBIDDEN: [what: string, file: string, text: string, message: string][] = [
  ['domain -> workflows', 'domain/x.ts', `import { a } from '../workflows/cluster';`, 'nothing of the project'],
  ['domain -> activities', 'domain/x.ts', `import type { A } from '../activities/fleet';`, 'nothing of the project'],
  ['domain -> workers', 'domain/x.ts', `import { a } from '../workers/main';`, 'nothing of the project'],
  ['domain -> infra', 'domain/x.ts', `import { a } from '../infra/local/home';`, 'nothing of the project'],
  ['domain -> Node', 'domain/x.ts', `import { readFile } from 'node:fs';`, 'no I/O'],
  ['domain -> Node, by its old name', 'domain/x.ts', `import { readFile } from 'fs';`, 'no I/O'],
  ['domain -> Temporal', 'domain/x.ts', `import { sleep } from '@temporalio/workflow';`, 'no I/O'],
  ['domain -> the driver', 'domain/x.ts', `import { Pool } from 'pg';`, 'no I/O'],
  ['workflows -> workers', 'workflows/x.ts', `import { a } from '../workers/main';`, 'types of activities only'],
  ['workflows -> infra', 'workflows/x.ts', `import { a } from '../infra/local/home';`, 'types of activities only'],
  [
    'workflows -> values of activities',
    'workflows/x.ts',
    `import { a } from '../activities';`,
    'types of activities only',
  ],
  [
    'workflows -> values of an activity',
    'workflows/x.ts',
    `import { a } from '../activities/fleet';`,
    'types of activities only',
  ],
  ['workflows -> Node', 'workflows/x.ts', `import { randomBytes } from 'node:crypto';`, 'without Node'],
  ['workflows -> Node, by its old name', 'workflows/x.ts', `import { randomBytes } from 'crypto';`, 'without Node'],
  ['workflows -> the client', 'workflows/x.ts', `import { Client } from '@temporalio/client';`, 'common only'],
  ['workflows -> zod', 'workflows/x.ts', `import { z } from 'zod';`, 'zod stays at the edge'],
  ['workflows -> schemas', 'workflows/x.ts', `import { a } from '../domain/schemas/pages';`, 'zod stays at the edge'],
  ['state of a module', 'workflows/x.ts', `let count = 0;\nexport const next = () => ++count;`, 'Module state leaks'],
  ['a Map of a module', 'workflows/x.ts', `export const seen = new Map<string, string>();`, 'Module state leaks'],
  ['a race', 'workflows/x.ts', `export const f = (a: Promise<1>) => Promise.race([a]);`, 'CancellationScope'],
  ['console', 'workflows/x.ts', `console.log('x');`, 'console'],
  [
    'activities -> workflows',
    'activities/x/y.ts',
    `import { a } from '../../workflows/cluster';`,
    'activities -> domain',
  ],
  ['activities -> workers', 'activities/x/y.ts', `import { a } from '../../workers/main';`, 'activities -> domain'],
  ['activities -> infra', 'activities/x/y.ts', `import { a } from '../../infra/local/home';`, 'activities -> domain'],
  ['api -> workers', 'api/http/x.ts', `import { a } from '../../workers/main';`, 'api -> domain'],
  ['api -> infra', 'api/cli/x.ts', `import { a } from '../../infra/local/home';`, 'api -> domain'],
  ['api -> other activities', 'api/http/x.ts', `import type { H } from '../../activities/host/host';`, 'shares'],
  ['api -> the stores', 'api/http/x.ts', `import { a } from '../../activities/storage/open';`, 'shares'],
  ['api -> all activities', 'api/http/x.ts', `import { a } from '../../activities';`, 'shares'],
  ['api -> the fleet', 'api/http/x.ts', `import { hostOf } from '../../activities/fleet';`, 'shares'],
  ...['domain/x.ts', 'workflows/x.ts', 'activities/x.ts', 'workers/x.ts', 'infra/x.ts'].map(
    (file): [string, string, string, string] => [
      `${file} -> api`,
      file,
      `import { route } from '../api/http/route';`,
      'Nothing imports api.',
    ],
  ),
];

const ALLOWED: [file: string, text: string][] = [
  ['domain/x.ts', `import { assertNever } from './assert-never';\nexport const f = assertNever;`],
  [
    'domain/schemas/x.ts',
    `import { z } from 'zod';\nimport { MAJORS } from '../clusters';\nexport const s = z.enum(MAJORS);`,
  ],
  [
    'workflows/x.ts',
    `import { sleep } from '@temporalio/workflow';
import type { Cloud } from '../activities/cloud/cloud';
import { isFinal } from '../domain/operations';
export type C = Cloud;
export const f = (): [typeof sleep, typeof isFinal] => [sleep, isFinal];`,
  ],
  [
    'activities/x/y.ts',
    `import { readFile } from 'node:fs';\nimport { isFinal } from '../../domain/operations';\nexport const f = [readFile, isFinal];`,
  ],
  [
    'api/http/x.ts',
    `import { stepTitles } from '../../workflows/runbooks';
import type { Inventory } from '../../activities/inventory/inventory';
import type { SecretStore } from '../../activities/secrets/secrets';
import { isFinal } from '../../domain/operations';
export type T = [Inventory, SecretStore];
export const f = [stepTitles, isFinal];`,
  ],
];

let found: string[][];
beforeAll(() => {
  const snippets = [
    ...FORBIDDEN.map(([, file, text]) => ({ file, text })),
    ...ALLOWED.map(([file, text]) => ({ file, text })),
  ];
  const script = path.join(root, 'test/support/lint-snippets.mjs');
  const printed = execFileSync(process.execPath, [script], { cwd: root, input: JSON.stringify(snippets) });
  found = JSON.parse(printed.toString()) as string[][];
});

test.each(FORBIDDEN.map(([what, , , message], index) => ({ what, message, index })))(
  'the linter refuses $what',
  ({ message, index }) => {
    expect(found[index]).toContainEqual(expect.stringContaining(message) as unknown);
  },
);

test.each(ALLOWED.map(([file], index) => ({ file, index })))(
  'and has nothing against what $file may do',
  ({ index }) => {
    expect(found[FORBIDDEN.length + index]).toEqual([]);
  },
);
