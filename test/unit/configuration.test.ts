import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** What pages and package.json tell users to set and to have, against the code. */

const root = path.join(__dirname, '../..');
const OURS =
  /\b(?:HOLDFAST_[A-Z]+(?:_[A-Z]+)*|DATABASE_URL|TEMPORAL_ADDRESS|TEMPORAL_UI_URL|DOCKER_HOST|XDG_CACHE_HOME)\b/g;

const variablesIn = (text: string): string[] => text.match(OURS) ?? [];
const code = ['domain', 'activities', 'workers', 'api', 'infra', 'test/backups', 'test/chaos', 'test/system'].flatMap(
  (folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(?:ts|cjs|sh)$/.test(file))
      .map((file) => readFileSync(path.join(root, folder, file), 'utf8')),
);

test('the page on configuration names exactly the variables that the code knows', () => {
  const told = new Set(variablesIn(readFileSync(path.join(root, 'docs/configuration.md'), 'utf8')));
  expect([...told].sort()).toEqual([...new Set(code.flatMap(variablesIn))].sort());
});

test('the Node.js that it is said to begin with is the oldest one that npm start takes', () => {
  const read = (...file: string[]): string => readFileSync(path.join(root, ...file), 'utf8');
  const oldest = /OLDEST_NODE = (\d+);/.exec(read('infra/local/bootstrap.cjs'))?.[1] ?? 'unknown';
  expect(JSON.parse(read('package.json'))).toMatchObject({ engines: { node: `>=${oldest}` } });
  expect(read('README.md')).toContain(`Node.js ${oldest} or newer to begin`);
});
