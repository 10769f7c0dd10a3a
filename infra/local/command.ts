import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { Problem } from './problem';

export interface CommandOptions {
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Kills the program with its children. */
  readonly signal?: AbortSignal;
  readonly stdin?: string;
  /** Gets all output, besides what is returned. */
  readonly logFile?: string;
  /** Called with each line of standard error. */
  readonly onLine?: (line: string) => void;
}

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. @throws Problem when there is no such program. */
export function runCommand(command: string, args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { env: { ...process.env, ...options.env }, detached: true });
    const output = { stdout: '', stderr: '' };
    const kill = (): void => killGroup(child.pid);
    options.signal?.addEventListener('abort', kill, { once: true });
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
        if (options.logFile) appendFileSync(options.logFile, text);
        if (name === 'stderr') text.split('\n').forEach((line) => line.trim() && options.onLine?.(line.trim()));
      });
    }
    child.stdin.on('error', () => undefined); // It ended without reading: its exit code tells.
    child.stdin.end(options.stdin ?? '');
    child.on('error', (error) => reject(new Problem(`${command} can't be run: ${error.message}`)));
    child.on('close', (code) => {
      options.signal?.removeEventListener('abort', kill);
      if (options.signal?.aborted) reject(new Error(`${command} was interrupted`));
      else resolve({ exitCode: code ?? 1, ...output });
    });
  });
}

/** The last line that is not empty: where scripts put their result and their complaint. */
export function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim() ?? '';
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // It ended by itself in between.
  }
}
