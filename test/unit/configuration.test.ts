import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** docs/configuration.md against the code: each variable that is read is told, and each that is told is there. */

const root = path.join(__dirname, '../..');
const OURS =
  /\b(?:HOLDFAST_[A-Z]+(?:_[A-Z]+)*|DATABASE_URL|TEMPORAL_ADDRESS|TEMPORAL_UI_URL|DOCKER_HOST|XDG_CACHE_HOME)\b/g;

const variablesIn = (text: string): string[] => text.match(OURS) ?? [];
const code = ['domain', 'activities', 'workers', 'api', 'infra', 'test/system'].flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(?:ts|cjs|sh)$/.test(file))
    .map((file) => readFileSync(path.join(root, folder, file), 'utf8')),
);

test('the page on configuration names exactly the variables that the code knows', () => {
  const told = new Set(variablesIn(readFileSync(path.join(root, 'docs/configuration.md'), 'utf8')));
  expect([...told].sort()).toEqual([...new Set(code.flatMap(variablesIn))].sort());
});
