import { spawnSync } from 'node:child_process';
import { LEFT_OUT } from '../../../../activities/dumps/scripts';

const LIST = `;
; Archive created at 2026-11-21 15:00:00 UTC
5; 2615 2200 SCHEMA - public pg_database_owner
6; 2615 16400 SCHEMA - public something app
7; 2615 16401 SCHEMA - sales app
3400; 0 0 COMMENT - SCHEMA public pg_database_owner
3401; 0 0 COMMENT - SCHEMA public something app
2; 3079 16410 EXTENSION - pg_trgm 
3402; 0 0 COMMENT - EXTENSION pg_trgm 
215; 1259 16386 TABLE public t app
3403; 0 0 COMMENT public TABLE t app
`;

test('what every database has is left out of a restore, and nothing whose name only begins like it', () => {
  const kept = spawnSync('grep', ['-vE', LEFT_OUT], { input: LIST, encoding: 'utf8' }).stdout;
  const gone = LIST.split('\n').filter((line) => !kept.split('\n').includes(line));
  expect(gone.map((line) => line.split(';')[0])).toEqual(['5', '3400', '3402']);
});
