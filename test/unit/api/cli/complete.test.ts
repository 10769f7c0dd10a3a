import { complete } from '../../../../api/cli/complete';
import { createProgram } from '../../../../api/cli/run';

const program = createProgram();
const there: Readonly<Record<string, readonly string[]>> = {
  cluster: ['orders', 'shop'],
  operation: ['op_1'],
  plan: ['ha-s', 'ha-m', 'sandbox'],
  scope: ['clusters:read'],
};

async function offered(line: string): Promise<string[]> {
  const found = await complete(program, line.split(' '), (placeholder) =>
    Promise.resolve((there[placeholder] ?? []).map((value) => ({ value, about: '' }))),
  );
  return found.map(({ value }) => value);
}

test.each([
  ['cl', ['cluster']],
  ['cluster sh', ['show']],
  ['cluster show ', ['orders', 'shop']],
  ['cluster show o', ['orders']],
  ['cluster show orders ', []],
  ['cluster create ', []],
  ['cluster create new --plan ha', ['ha-s', 'ha-m']],
  ['cluster create new -p s', ['sandbox']],
  ['cluster create new --plan ha-s --wai', ['--wait']],
  ['cluster delete orders --wait --confirm o', ['orders']],
  ['-o json ops watch ', ['op_1']],
  ['ops list -o ', ['table', 'json']],
  ['psql s', ['shop']],
  ['psql shop -- -', []],
  ['token create x --scope c', ['clusters:read']],
  ['completion ', ['bash', 'zsh', 'fish']],
  ['nonsense ', []],
])('"%s" offers %j', async (line, values) => {
  expect(await offered(line)).toEqual(values);
});

test('commands and options are offered as the help lists them', async () => {
  expect(await offered('')).toEqual(expect.arrayContaining(['cluster', 'ops', 'uri', 'psql', 'completion', 'help']));
  expect(await offered('')).not.toContain('__complete');
  expect(await offered('cluster create x --')).toEqual(
    expect.arrayContaining(['--plan', '--allow-ip', '--wait', '--output', '--url', '--help']),
  );
});
