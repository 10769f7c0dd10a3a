import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { quote, sh } from '../../../../activities/host/shell';

/** The words that a real shell makes of a command line, each ended by NUL. */
function wordsOf(line: string): string[] {
  const script = `set -- ${line}\n[ $# -eq 0 ] || printf '%s\\0' "$@"`;
  return execFileSync('sh', ['-s'], { input: script, encoding: 'utf8' }).split('\0').slice(0, -1);
}

/** Any text without NUL, many of them full of what means something to a shell. */
const nasty = fc.string({ unit: fc.constantFrom(...`'"\\$\`!*?[]{}()<>|&;#~=%-\n\t aß😀`) });
const text = fc.oneof(nasty, fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' })).filter(isPassable);

/** NUL can't be passed, and a lone surrogate is no UTF-8: no process can be given either. */
function isPassable(candidate: string): boolean {
  return !candidate.includes('\0') && candidate.isWellFormed();
}

test('a shell gives back every quoted word as it was', () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), (words) => {
      expect(wordsOf(words.map(quote).join(' '))).toEqual(words);
    }),
    { numRuns: 150 },
  );
});

test('a value is one word of a command, an array several, an empty array none', () => {
  fc.assert(
    fc.property(text, fc.array(text, { maxLength: 5 }), text, (before, many, after) => {
      expect(wordsOf(sh`${before} ${many} ${after}`)).toEqual([before, ...many, after]);
    }),
    { numRuns: 100 },
  );
});

test('a value that glues to literal text stays one word', () => {
  fc.assert(
    fc.property(text, (value) => {
      expect(wordsOf(sh`--property=User=${value}`)).toEqual([`--property=User=${value}`]);
    }),
    { numRuns: 50 },
  );
});

test('a command quoted into another survives two shells', () => {
  fc.assert(
    fc.property(text, (value) => {
      const inner = sh`printf %s ${value}`;
      expect(spawnSync('sh', ['-c', sh`sh -c ${inner}`], { encoding: 'utf8' }).stdout).toBe(value);
    }),
    { numRuns: 50 },
  );
});

test('a NUL is refused, numbers are words', () => {
  expect(() => quote('a\0b')).toThrow('NUL');
  expect(sh`sleep ${0.5} ${[1, 2]}`).toBe('sleep 0.5 1 2');
});
