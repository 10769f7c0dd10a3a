import { spawn } from 'node:child_process';

export interface CommandOptions {
  /** By standard input. Default: none. */
  readonly input?: string;
  readonly timeoutMs: number;
  /** Of its output: what prints more has a fault. */
  readonly mostBytes: number;
  /** Of how it ended, never of what it printed: that may be a secret. */
  readonly failed: (why: string) => Error;
}

/**
 * Runs a command line of the operator's by a shell, with arguments behind it.
 * @returns what it printed. @throws what `failed` makes.
 */
export function runOperatorCommand(
  line: string,
  args: readonly string[],
  { input = '', timeoutMs, mostBytes, failed }: CommandOptions,
): Promise<string> {
  return new Promise((resolve, reject) => {
    // A group of its own: what the shell started ends with it.
    const child = spawn('sh', ['-c', `${line} "$@"`, 'holdfast-command', ...args], {
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    let why: string | null = null;
    const giveUp = (reason: string): void => {
      why ??= reason;
      killGroup(child.pid);
    };
    const timer = setTimeout(() => giveUp(`it did not end within ${timeoutMs / 1000} s`), timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > mostBytes) giveUp(`it printed more than ${mostBytes} bytes`);
      else chunks.push(chunk);
    });
    child.stdin.on('error', () => undefined); // It ended without reading: its exit code tells.
    child.stdin.end(input);
    child.on('error', () => giveUp('no shell can be run'));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code !== 0) why ??= `it ended with ${signal ?? `exit code ${code}`}`;
      if (why !== null) reject(failed(why));
      else resolve(Buffer.concat(chunks).toString('utf8').trim());
    });
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself in between.
  }
}
