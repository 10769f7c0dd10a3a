import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runCommand } from './command';
import { Problem } from './problem';
import { cacheFolder } from './project';
import type { StepReport } from './progress.cjs';

/** A program that others make and that is started here. */
export interface ProgramSource {
  /** On the PATH, in the cache, in an archive. */
  readonly name: string;
  /** What it is called in sentences. */
  readonly title: string;
  /** Of the environment: names the program itself. */
  readonly variable: string;
  /** What `go install` builds it from, with its version. */
  readonly module: string;
  /** What the reader can do when it can't be had: `install …, or set …`. */
  readonly remedy: string;
  /**
   * Puts the program into the folder, under its name.
   * @returns false when it can't be reached from here. @throws Problem when what came is not what was asked for.
   */
  download(folder: string, signal: AbortSignal): Promise<boolean>;
}

const programs = join(cacheFolder, 'bin');

/**
 * The program that the variable names, else one on the PATH, else the one that this machine keeps, else downloaded, else
 * built with Go (minutes). @throws Problem when there is no way to get it.
 */
export async function findProgram(source: ProgramSource, signal: AbortSignal, report: StepReport): Promise<string> {
  const asked = process.env[source.variable];
  if (asked) return asked;
  const onPath = findOnPath(source.name);
  if (onPath) return onPath;
  const cached = join(programs, source.name);
  if (existsSync(cached)) return cached;
  mkdirSync(programs, { recursive: true });
  const unfinished = mkdtempSync(join(programs, 'new-'));
  try {
    report.note('downloading');
    if (!(await source.download(unfinished, signal))) {
      report.note('building with Go, which takes minutes');
      await build(source, unfinished, signal);
    }
    renameSync(join(unfinished, source.name), cached);
    return cached;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

async function build({ title, module, remedy }: ProgramSource, folder: string, signal: AbortSignal): Promise<void> {
  if (!findOnPath('go')) throw new Problem(`${title} could not be downloaded: ${remedy}, and try again.`);
  const env = { GOBIN: folder, GOTOOLCHAIN: 'local' };
  const { exitCode, stderr } = await runCommand('go', ['install', module], { env, signal });
  if (exitCode !== 0)
    throw new Problem(`${title} could neither be downloaded nor built: ${remedy}. Go said: ${stderr.trim()}`);
}

/** @returns null when no folder of the PATH has that program. */
function findOnPath(program: string): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file)) ?? null;
}
