import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROWS, rowsInWords, seenIn, wrongIn } from '../../../../activities/pgbackrest/checks';

/** What restores tell of what came back. */

test('tables and rows are told for all databases together, with what is only known roughly', () => {
  const said = 'tables|3|1200|1\ncounted|10\ncounted|7\ntables|2|50|0\ncounted|0\n';
  expect(rowsInWords(said)).toBe(
    'tables: 5 (1 never analyzed); rows: about 1250 by the statistics; the 3 smallest counted: 17 rows',
  );
  expect(rowsInWords('tables|0|0|0\n')).toBe('tables: 0; rows: about 0 by the statistics');
});

test('what psql says besides is no row', () => {
  const said = 'tables|1|5|0\nERROR:  55P03: canceling statement due to lock timeout\nLOCATION:  ProcessInterrupts\n';
  expect(rowsInWords(said)).toBe('tables: 1; rows: about 5 by the statistics');
});

test('only what did not pass is wrong', () => {
  const good = { name: 'data checksums', passed: true, detail: 'they are on' };
  const bad = { name: 'tables and rows', passed: false, detail: 'XX001: invalid page in block 0' };
  expect(wrongIn([good])).toBeNull();
  expect(seenIn([good, bad])).toBe('data checksums: they are on; tables and rows: XX001: invalid page in block 0');
  expect(wrongIn([good, bad])).toBe('tables and rows: XX001: invalid page in block 0');
});

test('rows are counted in every database, or in the one that counts, whatever its name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rows-'));
  const psql = `case $(cat) in *datallowconn*) printf 'app\\nother\\n' ;; *) printf '<%s>' "$PGDATABASE" ;; esac`;
  writeFileSync(join(folder, 'psql'), `#!/bin/sh\n${psql}\n`);
  chmodSync(join(folder, 'psql'), 0o755);
  const countedIn = (only: string): string =>
    execFileSync('sh', ['-c', ROWS, 'sh', folder, '/run', '5432', '20', '1000', only], { encoding: 'utf8' });
  expect(countedIn('')).toBe('<app><other>');
  for (const name of ['sales', `it's "odd"`, 'two\nlines']) expect(countedIn(name)).toBe(`<${name}>`);
  rmSync(folder, { recursive: true });
});
