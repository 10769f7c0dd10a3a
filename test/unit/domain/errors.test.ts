import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ERRORS, type ErrorCode, fillTemplate, HoldfastError } from '../../../domain/errors';
import { isOneOf } from '../../support/is-one-of';

const ROOT = path.join(__dirname, '../../..');
const FOLDER = path.join(ROOT, 'docs/errors');
const CODES = Object.keys(ERRORS);

test('every code has a page and every page a code', () => {
  const pages = readdirSync(FOLDER).map((file) => file.replace(/\.md$/, ''));
  expect(pages.sort()).toEqual([...CODES].sort());
});

test.each(CODES)('the page of %s has its title, status and what to do', (code) => {
  if (!isOneOf<ErrorCode>(code, CODES)) throw new Error(code);
  const page = readFileSync(path.join(FOLDER, `${code}.md`), 'utf8');
  const { title, status, retryable } = ERRORS[code];
  expect(page).toContain(
    `# ${code}\n\n${title}. HTTP status ${status}. Helps to try again without any change: ${retryable ? 'yes' : 'no'}.`,
  );
  expect(page).toMatch(/## What to do\n\n- \S/);
});

test('a placeholder without a value stays visible', () => {
  expect(fillTemplate('{a} and {b}', { a: 1 })).toBe('1 and {b}');
});

/** `new HoldfastError('CODE', { a, b: 1 })` in our sources, as code and names of the values. */
function uses(): { file: string; code: string; values: string[] }[] {
  return ['activities', 'api', 'workflows', 'workers'].flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => usesIn(path.join(folder, file))),
  );
}

function usesIn(file: string): { file: string; code: string; values: string[] }[] {
  const source = readFileSync(path.join(ROOT, file), 'utf8');
  const found = source.matchAll(
    /new (?:HoldfastError|ProblemWithHeaders)\(\s*'([A-Z_]+)'\s*(?:,\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\})?\s*[,)]/g,
  );
  return [...found].map(([, code = '', values = '']) => ({ file, code, values: namesOf(values) }));
}

/** Property names of an object literal without nested objects. */
const namesOf = (literal: string): string[] =>
  [...literal.replace(/`[^`]*`|'[^']*'|\([^)]*\)|\[[^\]]*\]/g, '0').matchAll(/(?:^|,)\s*(\w+)/g)].map(
    ([, name = '']) => name,
  );

test('whoever throws an error fills every placeholder of its template', () => {
  const missing = uses().flatMap(({ file, code, values }) => {
    if (!isOneOf<ErrorCode>(code, CODES)) return [`${file}: there is no ${code}`];
    const wanted = [...ERRORS[code].template.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
    return wanted.filter((name) => !values.includes(name)).map((name) => `${file}: ${code} lacks {${name}}`);
  });
  expect(missing).toEqual([]);
  expect(uses().length).toBeGreaterThan(20);
});

test('an error says its sentence and whether to retry', () => {
  const error = new HoldfastError('CLUSTER_BUSY', { operation: 'op_1' });
  expect([error.message, error.retryable]).toEqual(['Operation op_1 works on this cluster; wait until it ends.', true]);
});
