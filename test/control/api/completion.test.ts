import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startTestApi, type TestApi } from '../../support/api';
import { COMMAND } from '../../support/command';

/** Tab in real shells, with the script that the command prints for each. */

let api: TestApi;
let token: string;
let folder: string;
beforeAll(async () => {
  api = await startTestApi();
  token = await api.token();
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-tab-'));
  for (const name of ['orders', 'shop']) await api.request('POST', '/v1/clusters', { body: { name, plan: 'sandbox' } });
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

/** Runs a script in a shell that finds the command; asynchronously, because the API answers in this process. */
function shell(program: string, script: string, environment: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const file = path.join(folder, 'script');
  writeFileSync(file, script);
  const child = spawn(program, [file], {
    cwd: folder,
    env: {
      PATH: `${path.dirname(COMMAND)}:/usr/bin:/bin`,
      HOME: folder,
      HOLDFAST_URL: api.url,
      HOLDFAST_TOKEN: token,
      ...environment,
    },
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve) => child.once('close', () => resolve(output.split('\n').filter((line) => line !== ''))));
}

/** Puts a line before the shell's own completion and prints what that offers, one a line. */
const ASK: Readonly<Record<string, (line: string) => string>> = {
  bash: (line) => `source <(holdfast completion bash)
COMP_LINE='${line}' COMP_POINT=${line.length}
_holdfast
printf '%s\n' "\${COMPREPLY[@]}"`,
  // Completion proper needs a terminal: _describe, which shows the candidates, is told to print them.
  zsh: (line) => `compdef() { : }
_describe() { print -rl -- "\${(@P)2}" }
source <(holdfast completion zsh)
words=(\${(s: :)"\${:-${line}.}"}) CURRENT=\${#words}
words[CURRENT]="\${words[CURRENT]%.}"
_holdfast`,
  fish: (line) => `holdfast completion fish | source
complete -C '${line}' | cut -f 1`,
};

/** In zsh a colon and a description follow the value, whose own colons are escaped. */
const valueIn = (program: string, candidate: string): string =>
  program === 'zsh' ? candidate.replace(/^((?:[^\\:]|\\.)*).*$/, '$1').replaceAll('\\', '') : candidate;

// Bash is everywhere. Who has another shell tests it too.
const isThere = (program: string): boolean =>
  ['/usr/bin', '/bin', '/usr/local/bin'].some((at) => existsSync(path.join(at, program)));

for (const [program, ask] of Object.entries(ASK)) {
  (isThere(program) ? describe : describe.skip)(`in ${program}`, () => {
    test.each<[line: string, offered: string[]]>([
      ['holdfast clu', ['cluster']],
      ['holdfast cluster show ', ['orders', 'shop']],
      ['holdfast cluster show o', ['orders']],
      ['holdfast cluster create new --plan ha-', ['ha-l', 'ha-m', 'ha-s']],
      ['holdfast psql shop -- -', []],
    ])('"%s" offers %j', async (line, offered) => {
      const found = await shell(program, ask(line));
      expect(found.map((candidate) => valueIn(program, candidate)).sort()).toEqual(offered);
    });

    test('a value with a colon is offered as a whole; to bash, which keeps what is before it, only the rest', async () => {
      const offered = await shell(program, ask('holdfast token create x --scope clusters:r'));
      const wanted = program === 'bash' ? 'read' : 'clusters:read';
      expect(offered.map((candidate) => valueIn(program, candidate))).toEqual([wanted]);
    });
  });
}

test('an API that is away offers nothing and says nothing; commands are offered all the same', async () => {
  const away = { HOLDFAST_URL: 'http://127.0.0.1:9' };
  expect(await shell('sh', `holdfast __complete -- cluster show ''`, away)).toEqual([]);
  expect((await shell('sh', `holdfast __complete -- cluster ''`, away)).length).toBeGreaterThan(3);
});
