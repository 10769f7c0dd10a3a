import { compare, filledIn, readTranscript } from '../../support/transcript';

const DOCUMENT = `# A

## Other

\`\`\`console
$ no
\`\`\`

## Rescue

Text.

\`\`\`console
$ date
2026-11-21T14:02:05.120Z
$ restore \\
    --time 2026-11-21T14:02:05.120Z
…
14:03:00 check: succeeded in 12 ms
…
\`\`\`
`;

test('the commands of the block below a heading are read, with what they print', () => {
  expect(readTranscript(DOCUMENT, '## Rescue')).toEqual([
    { line: 'date', output: ['2026-11-21T14:02:05.120Z'] },
    {
      line: 'restore \\\n    --time 2026-11-21T14:02:05.120Z',
      output: ['…', '14:03:00 check: succeeded in 12 ms', '…'],
    },
  ]);
  expect(() => readTranscript(DOCUMENT, '## Nowhere')).toThrow('no console block');
});

test('times, ids, sizes and durations may differ, and are known from then on', () => {
  const known = compare(['at 2026-11-21T14:02:05.120Z  took 3 s'], ['at 2027-01-01T00:00:00Z took 4.5 s']);
  expect(filledIn('restore --time 2026-11-21T14:02:05.120Z', known ?? new Map())).toBe(
    'restore --time 2027-01-01T00:00:00Z',
  );
});

test.each([
  ['another word', ['a'], ['b']],
  ['a line too many', ['a'], ['a', 'b']],
  ['a line too few', ['a', 'b'], ['a']],
  ['lines in another order', ['…', 'a', '…', 'b'], ['b', 'a']],
  ['no line where one is shown', ['a'], ['']],
  ['another number that is no size', ['1000'], ['999']],
])('%s differs', (_what, shown, printed) => expect(compare(shown, printed)).toBeNull());

test.each([
  ['lines that are left out', ['a', '…', 'd', '…'], ['a', 'b', 'c', 'd', 'e']],
  ['none that are left out', ['a', '…', 'd'], ['a', 'd']],
  ['nothing', [], []],
])('%s are the same', (_what, shown, printed) => expect(compare(shown, printed)).not.toBeNull());
