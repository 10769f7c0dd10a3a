import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { projectRoot } from '../../activities/project-root';
import { COMMAND } from '../support/command';
import { eventually } from '../support/eventually';
import type { Holdfast } from '../support/holdfast';
import { startHoldfast } from '../support/holdfast';
import type { Known } from '../support/transcript';
import { compare, filledIn, linesOf, readTranscript } from '../support/transcript';
import { goldenImage } from './support/engine';

jest.setTimeout(600_000);

/** What the README shows is what happens: its commands are run, as they stand there. */

let holdfast: Holdfast;
let folder: string;
beforeAll(async () => {
  holdfast = await startHoldfast({ stores: ['primary', 'secondary'] });
  folder = mkdtempSync(join(tmpdir(), 'holdfast-readme-'));
  mkdirSync(join(folder, 'bin'));
  program('npx', 'exec "$@"');
  // psql as the reader has it; this machine may have none.
  const image = await goldenImage();
  const environment = '$(env | sed -n "s/^\\(PG[A-Z]*\\)=.*/-e \\1/p")';
  program('psql', `exec docker run --rm -i --network host ${environment} -v ${folder}:${folder} ${image} psql "$@"`);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await holdfast?.stop();
});

function program(name: string, script: string): void {
  const file = join(folder, 'bin', name);
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

/** What a terminal would show. */
async function type(line: string): Promise<string[]> {
  const child = spawn('bash', ['-c', `exec 2>&1\n${line}`], {
    cwd: folder,
    env: {
      PATH: `${folder}/bin:${dirname(COMMAND)}:${process.env['PATH'] ?? ''}`,
      HOME: folder,
      TMPDIR: folder,
      DOCKER_HOST: process.env['DOCKER_HOST'],
      HOLDFAST_URL: holdfast.url,
      HOLDFAST_TOKEN: holdfast.token,
    },
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  return linesOf(printed);
}

/** Commands that only look: they are asked again until they show what the document does. */
const LOOKS = /^npx holdfast (backup list|restore window) /;
const PATIENCE = { everyMs: 1_000, limitMs: 400_000 };

async function follow(heading: string): Promise<void> {
  const readme = readFileSync(join(projectRoot(), 'README.md'), 'utf8');
  let known: Known = new Map();
  for (const { line, output } of readTranscript(readme, heading)) {
    const command = filledIn(line, known);
    let printed: string[] = [];
    const once = async (): Promise<Known | null> => compare(output, (printed = await type(command)));
    const found = await (
      LOOKS.test(command) ? eventually(async () => (await once()) ?? false, PATIENCE) : once()
    ).catch(() => null);
    if (!found) throw new Error(`$ ${command}\n${printed.join('\n')}\nThe README shows:\n${output.join('\n')}`);
    known = new Map([...known, ...found]);
  }
}

test('a table that somebody dropped comes back', () => follow('## A rescue'));
