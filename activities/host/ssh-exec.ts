import { createInterface } from 'node:readline';
import type { Client, ClientChannel } from 'ssh2';
import { reasonOf } from './cancellation';
import { commandFailed, unreachable } from './errors';
import { sh } from './shell';
import type { ShellCommand } from './shell';
import { ROOT } from './ssh-connect';

export interface Execution {
  readonly label: string;
  /** Who is logged in; anybody but root becomes root by sudo. */
  readonly user: string;
  readonly title: string;
  readonly command: ShellCommand;
  readonly stdin: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Gets the lines of the output, in the place of what is returned. */
  readonly onLine: ((line: string) => void) | undefined;
}

/** How the command ended; the code is null when a signal killed it. */
interface Exit {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** No channel could be opened, so nothing was run: on another connection it may be tried again. */
export class NotStarted extends Error {}

const OUTPUT_IN_ERROR = 2_000;
const LONGEST_OUTPUT = 32 * 1024 ** 2;
/** The host itself ends the command at its timeout; this much later, its silence means that it is lost. */
const GRACE_MS = 10_000;
const KILL_AFTER_S = 5;

/**
 * Runs one command on an open connection.
 * @throws NotStarted, HOST_UNREACHABLE, HOST_COMMAND_FAILED, or the reason of `signal`.
 */
export async function execute(client: Client, execution: Execution): Promise<string> {
  const { label, user, title, command, timeoutMs, signal } = execution;
  signal?.throwIfAborted();
  // `timeout` ends the command on the host also when this process or the network is gone by then. Its process id comes
  // first on stderr: sshd passes no signals on to the commands of root.
  const bounded = sh`echo $$ >&2; exec timeout -k ${KILL_AFTER_S} ${Math.ceil(timeoutMs / 1000)} sh -c ${command}`;
  const exit = await converse(await openChannel(client, asRoot(user, bounded)), client, execution);
  if (exit.code === 0) return exit.stdout;
  // Where both speak, the error is on stderr; some tools tell theirs on stdout only.
  const output = (exit.stderr.trim() === '' ? exit.stdout : exit.stderr).trim().slice(-OUTPUT_IN_ERROR);
  throw commandFailed(label, title, { code: exit.code, output });
}

/** The command as `user` has to ask for it. sudo would hide from where the control plane came, which a preflight wants to know. */
export function asRoot(user: string, command: ShellCommand): ShellCommand {
  if (user === ROOT) return command;
  return sh`exec sudo -n -- env SSH_CONNECTION="$SSH_CONNECTION" sh -c ${command}`;
}

interface OpenChannel {
  readonly channel: ClientChannel;
  /** Undefined until the host has told it, null when a signal ended the command. */
  readonly exitCode: () => number | null | undefined;
}

function openChannel(client: Client, command: ShellCommand): Promise<OpenChannel> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: Error): void => {
      client.off('close', closed);
      reject(new NotStarted('no channel', { cause }));
    };
    const closed = (): void => refuse(new Error('the connection closed'));
    client.once('close', closed);
    try {
      client.exec(command, (error, channel) => {
        if (error) return refuse(error);
        client.off('close', closed);
        // At once: the code of a quick command comes in the same packet, before any promise goes on.
        let exitCode: number | null | undefined;
        channel.on('exit', (code: number | null) => (exitCode = code));
        resolve({ channel, exitCode: () => exitCode });
      });
    } catch (error) {
      refuse(error instanceof Error ? error : new Error(String(error)));
    }
  });
}

function converse({ channel, exitCode }: OpenChannel, client: Client, execution: Execution): Promise<Exit> {
  const { label, user, stdin, timeoutMs, signal, onLine } = execution;
  return new Promise((resolve, reject) => {
    const stdout = onLine ? pass(channel, onLine) : collect(channel, () => fail(new Error('it said too much')));
    const stderr = collect(channel.stderr, () => fail(new Error('it said too much')));
    let timer = setTimeout(() => fail(new Error('no answer in time')), timeoutMs + KILL_AFTER_S * 1000 + GRACE_MS);
    const stop = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      client.off('close', lost);
    };
    const fail = (error: unknown): void => {
      stop();
      channel.destroy();
      reject(signal?.aborted ? reasonOf(signal) : unreachable(label, error));
    };
    const lost = (): void => fail(new Error('the connection broke while the command ran'));
    const abort = (): void => {
      killOnHost(client, user, channel, stderr);
      // Returns when the command has ended there: what undoes it must not run beside it.
      clearTimeout(timer);
      timer = setTimeout(lost, KILL_AFTER_S * 1000 + GRACE_MS);
    };
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
    client.once('close', lost);
    channel.once('close', () => {
      const code = exitCode();
      if (code === undefined || signal?.aborted) return lost();
      stop();
      resolve({ code, stdout: stdout(), stderr: withoutProcessId(stderr()) });
    });
    // A command that does not read its input closes it early.
    channel.on('error', () => undefined);
    channel.end(stdin);
  });
}

/** SIGTERM, and SIGKILL later, for the command and its children, by way of `timeout`. */
function killOnHost(client: Client, user: string, channel: ClientChannel, stderr: () => string): void {
  const pid = /^(\d+)\n/.exec(stderr())?.[1];
  if (pid === undefined) {
    channel.stderr.once('data', () => killOnHost(client, user, channel, stderr));
    return;
  }
  try {
    client.exec(asRoot(user, sh`kill ${pid}`), (_error, kill) => kill?.resume());
  } catch {
    // The connection broke just now: nobody can be told, and the one who waits hears of it by `close`.
  }
}

/** It is missing when sudo refused to run anything. */
const withoutProcessId = (text: string): string => text.replace(/^\d+\n/, '');

function pass(stream: NodeJS.ReadableStream, onLine: (line: string) => void): () => string {
  createInterface({ input: stream }).on('line', onLine);
  return () => '';
}

function collect(stream: NodeJS.ReadableStream, tooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length > LONGEST_OUTPUT) tooMuch();
  });
  return () => Buffer.concat(chunks).toString('utf8');
}
