import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { lastLine, runCommand } from './command';
import { Problem } from './problem';
import { cacheFolder } from './project';
import type { StepReport } from './progress.cjs';

const VERSION = '4.32.5';
const cached = join(cacheFolder, `schemathesis-${VERSION}`);
const python = join(cached, 'bin', 'python');

/**
 * A Python that has Schemathesis (`-m schemathesis.cli`), which tests the API against its own document: the one that
 * this machine keeps, else installed by pip into a folder of its own. @throws Problem when there is no way to get it.
 */
export async function findSchemathesis(signal: AbortSignal, report: StepReport): Promise<string> {
  const asked = process.env['HOLDFAST_SCHEMATHESIS_PYTHON'];
  if (asked) return asked;
  if (existsSync(python)) return python;
  report.note('installing, once on this machine');
  mkdirSync(cacheFolder, { recursive: true });
  // Whole or not at all. Its programs know the folder that they were made in, but Python finds its modules anywhere.
  const fresh = mkdtempSync(join(cacheFolder, 'new-'));
  try {
    await makeEnvironment(fresh, signal);
    await demand(join(fresh, 'bin', 'pip'), ['install', '--quiet', `schemathesis==${VERSION}`], signal);
    rmSync(cached, { recursive: true, force: true });
    renameSync(fresh, cached);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return python;
}

async function makeEnvironment(folder: string, signal: AbortSignal): Promise<void> {
  const make = (): Promise<boolean> =>
    runCommand('python3', ['-m', 'venv', folder], { signal }).then(
      ({ exitCode }) => exitCode === 0,
      () => false,
    );
  if (await make()) return;
  // Debian has Python's venv in a package of its own.
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get'))
    throw new Problem('Tests of the API need Python 3.10 or newer with venv: install it (python3-venv) and try again.');
  const apt = ['-y', '-qq', '-o', 'DPkg::Lock::Timeout=300'];
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await runCommand('apt-get', [...apt, 'update'], { env, signal });
  await demand('apt-get', [...apt, 'install', '--no-install-recommends', 'python3-venv'], signal, env);
  if (!(await make())) throw new Problem('python3 -m venv fails, though python3-venv is installed.');
}

async function demand(
  command: string,
  args: readonly string[],
  signal: AbortSignal,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { exitCode, stdout, stderr } = await runCommand(command, args, { env, signal });
  if (exitCode !== 0) throw new Problem(`Schemathesis could not be installed: ${lastLine(stderr) || lastLine(stdout)}`);
}
