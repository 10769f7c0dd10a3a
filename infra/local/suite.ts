import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { projectFile, projectFolder } from './project';
import type { Progress } from './progress.cjs';

/** What passed and what failed, of all suites together. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

export const PROJECTS = ['unit', 'workflow', 'chaos', 'control', 'backups', 'system', 'alone'] as const;
export type Project = (typeof PROJECTS)[number];

/** What the reader asked for on the command line. */
export interface Selection {
  readonly projects: readonly Project[];
  /** For Jest, as they are. */
  readonly rest: readonly string[];
}

// A suite that failed to run (a syntax error, a worker that died) has no tests to count, so it counts itself.
const resultSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numRuntimeErrorTestSuites: z.number(),
  success: z.boolean(),
});

/** Takes `--selectProjects a b` out of Jest's arguments: each suite is run in its own way. */
export function readSelection(args: readonly string[]): Selection {
  const at = args.indexOf('--selectProjects');
  if (at < 0) return { projects: PROJECTS, rest: args };
  const known = (word: string): boolean => PROJECTS.some((project) => project === word);
  const after = args.slice(at + 1);
  const stop = after.findIndex((word) => !known(word));
  const named = stop < 0 ? after : after.slice(0, stop);
  const rest = [...args.slice(0, at), ...after.slice(named.length)];
  return { projects: PROJECTS.filter((project) => named.includes(project)), rest };
}

/** What Jest's JSON says; null stands for a run that left none. A failure that is in no count is counted as one. */
export function tallyOf(json: unknown): Tally {
  const result = resultSchema.safeParse(json);
  if (!result.success) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, success } = result.data;
  const failed = numFailedTests + numRuntimeErrorTestSuites;
  return { passed: numPassedTests, failed: failed === 0 && !success ? 1 : failed };
}

export const sum = (tallies: readonly Tally[]): Tally => ({
  passed: tallies.reduce((total, { passed }) => total + passed, 0),
  failed: tallies.reduce((total, { failed }) => total + failed, 0),
});

/** Hosts, real and simulated, take all cores by two files at a time; other tests wait for a third of theirs; what is measured shares nothing. */
function filesAtOnce(projects: readonly Project[]): number {
  if (projects.includes('alone')) return 1;
  const haveHosts = projects.some((project) => ['chaos', 'backups', 'system'].includes(project));
  return haveHosts ? 2 : Math.ceil(availableParallelism() * 1.5);
}

/** Runs Jest on some projects, its output going straight to ours. */
export async function runJest(
  projects: readonly Project[],
  rest: readonly string[],
  signal: AbortSignal,
): Promise<Tally> {
  const folder = projectFile('.holdfast', 'test');
  const outputFile = projectFile('.holdfast', 'test', `jest-${projects.join('-')}.json`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  rmSync(outputFile, { force: true });
  const args = [
    '--selectProjects',
    ...projects,
    '--maxWorkers',
    String(filesAtOnce(projects)),
    '--passWithNoTests',
    '--cacheDirectory',
    projectFile('node_modules', '.cache', 'jest'),
    '--json',
    '--outputFile',
    outputFile,
    ...rest,
  ];
  const code = await run(projectFile('node_modules', 'jest', 'bin', 'jest.js'), args, signal);
  const tally = tallyOf(existsSync(outputFile) ? JSON.parse(readFileSync(outputFile, 'utf8')) : null);
  return code !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}

/** Formatting, lint rules and types: each counts as one test. */
export async function runChecks(progress: Progress, signal: AbortSignal): Promise<Tally> {
  const checks = [
    ['formatting', 'prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'],
    ['lint rules', 'eslint/bin/eslint.js', '.'],
    ['types', 'typescript/bin/tsc', '--noEmit', '-p', '.', '--incremental', 'false'],
  ] as const;
  const tallies: Tally[] = [];
  for (const [title, program, ...args] of checks) {
    const passed = await progress
      .step(title, async () => {
        const code = await run(projectFile('node_modules', program), args, signal, (text) => progress.write(text));
        if (code !== 0) throw new Error(`${title}: exit code ${code}`);
      })
      .then(
        () => true,
        () => false,
      );
    tallies.push(passed ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });
  }
  return sum(tallies);
}

/** Runs a program of node_modules to its end. @param show gets its output; without it, the program has our own streams. */
function run(
  script: string,
  args: readonly string[],
  signal: AbortSignal,
  show?: (text: string) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: projectFolder,
      stdio: show ? ['ignore', 'pipe', 'pipe'] : ['ignore', process.stdout.fd, process.stderr.fd],
    });
    const end = (): void => void child.kill('SIGTERM');
    signal.addEventListener('abort', end, { once: true });
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', show ?? (() => undefined));
    child.on('error', reject);
    child.on('close', (code) => {
      signal.removeEventListener('abort', end);
      resolve(code ?? 1);
    });
  });
}
