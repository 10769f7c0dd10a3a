import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { compiled } from '../../infra/local/project';

jest.setTimeout(600_000);

/** A minute in the fault laboratory, as `npm run chaos` spends it; HOLDFAST_TEST_SEED makes the faults of an earlier run again. */
const SEED = process.env['HOLDFAST_TEST_SEED'] ?? String(Math.floor(Math.random() * 2 ** 31));
const MINUTES = '0.7';

let running: ChildProcess | undefined;
// It removes all that it made, also when this ends before it.
afterAll(() => void running?.kill('SIGTERM'));

test(`a few faults lose nothing that was acknowledged, and a cluster without a quorum does (seed ${SEED})`, async () => {
  const laboratory = spawn(
    process.execPath,
    ['--enable-source-maps', compiled('infra', 'local', 'chaos.js'), '--minutes', MINUTES, '--seed', SEED],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  running = laboratory;
  const ended = new Promise<number | null>((resolve) => laboratory.once('close', resolve));
  const [printed, told, code] = await Promise.all([text(laboratory.stdout), text(laboratory.stderr), ended]);
  process.stdout.write(printed);
  // What it told on its way says why.
  if (code !== 0) throw new Error(`exit code ${code}\n${told}\n${printed}`);
  expect(printed).toMatch(/^Fault laboratory, seed \d+, .* [1-9]\d* rounds$/m);
  expect(printed).toMatch(/^\| negative control: acknowledged rows lost +\| [1-9]\d* +\|$/m);
  expect(printed).toMatch(/^Passed\.$/m);
});
