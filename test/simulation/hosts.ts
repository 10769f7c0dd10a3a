import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { utils } from 'ssh2';
import { z } from 'zod';
import { abortable, cancellation, reasonOf } from '../../activities/host/cancellation';
import { commandFailed, keyMismatch, loginRefused, unreachable } from '../../activities/host/errors';
import { putFiles } from '../../activities/host/files';
import type { Host, RunOptions } from '../../activities/host/host';
import { firstWords } from '../../activities/host/shell';
import type { ShellCommand } from '../../activities/host/shell';
import { ROOT } from '../../activities/host/ssh-connect';
import type { SshTarget } from '../../activities/host/ssh-connect';
import { asRoot } from '../../activities/host/ssh-exec';
import type { SshPool } from '../../activities/host/ssh-pool';
import type { HoldfastError } from '../../domain/errors';
import { enter } from './machine';
import type { SimulatedHost, World } from './world';

const DEFAULT_TIMEOUT_MS = 60_000;
const OUTPUT_IN_ERROR = 2_000;
const RETRY_PAUSE_MS = 50;

/**
 * The hosts of a world, as the pool of SSH connections shows real ones.
 *
 * @param controlKey private key: hosts let in whoever has the one that they were made for, by any name. Commands run as
 * root; who is not root by name has to ask sudo first.
 */
export function createSimulatedHosts(world: World, controlKey: string): SshPool {
  return {
    host: (target) => {
      const host: Host = {
        label: target.label,
        run: async (command, options = {}) => {
          const machine = await connect(world, target, controlKey, options);
          return run(world, machine, target, command, options);
        },
        putFiles: (files) => putFiles(host, files),
      };
      return host;
    },
    forget: () => undefined,
    close: () => undefined,
  };
}

/** @throws HOST_UNREACHABLE, HOST_KEY_MISMATCH, HOST_LOGIN_REFUSED. */
async function connect(
  world: World,
  target: SshTarget,
  controlKey: string,
  { connectTimeoutMs = 0, signal: given }: RunOptions,
): Promise<SimulatedHost> {
  const signal = cancellation(given);
  for (const deadline = Date.now() + connectTimeoutMs; ;) {
    signal?.throwIfAborted();
    const machine = target.ssh.port === 22 ? world.hostAt(target.ssh.host) : null;
    if (machine?.running) return admitted(machine, target, controlKey);
    if (Date.now() + RETRY_PAUSE_MS > deadline) throw refused(target, 'nothing listens on its SSH port');
    await abortable(sleep(RETRY_PAUSE_MS), signal);
  }
}

function admitted(machine: SimulatedHost, target: SshTarget, controlKey: string): SimulatedHost {
  if (keyOf(machine.hostKey) !== keyOf(target.hostKey)) throw keyMismatch(target.label);
  if (keyOf(machine.authorizedKey) !== publicPartOf(controlKey))
    throw loginRefused(target.label, target.ssh.user ?? ROOT);
  return machine;
}

const refused = ({ label }: SshTarget, why: string): HoldfastError => unreachable(label, new Error(why));
const keyOf = (line: string): string => line.split(' ')[1] ?? '';

function publicPartOf(privatePem: string): string {
  const key = utils.parseKey(privatePem);
  if (key instanceof Error) throw key;
  return key.getPublicSSH().toString('base64');
}

async function run(
  world: World,
  machine: SimulatedHost,
  { label, ssh: { user = ROOT } }: SshTarget,
  command: ShellCommand,
  { title = firstWords(command), timeoutMs = DEFAULT_TIMEOUT_MS, stdin = '', signal: given, onLine }: RunOptions,
): Promise<string> {
  const signal = cancellation(given);
  signal?.throwIfAborted();
  const from = world.network(machine.networkToken)?.controlAddress ?? '';
  const process = enter(machine.root, asRoot(user, command), Math.ceil(timeoutMs / 1000), {
    SSH_CONNECTION: `${from} 40000 ${machine.privateAddress} 22`,
    SIMULATED_USER: user,
  });
  // As a connection that breaks: the command ends, and the caller waits until it has.
  const abort = (): void => void process.kill('SIGTERM');
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const { code, stdout, stderr } = await converse(process, stdin, onLine);
    if (signal?.aborted) throw reasonOf(signal);
    if (code === 0) return stdout;
    const output = (stderr.trim() === '' ? stdout : stderr).trim().slice(-OUTPUT_IN_ERROR);
    throw commandFailed(label, title, { code, output });
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

async function converse(
  process: ChildProcess,
  stdin: string,
  onLine: RunOptions['onLine'],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { stdin: input, stdout, stderr } = process;
  if (!input || !stdout || !stderr) throw new Error('a command without its pipes');
  // A command that does not read its input closes it early.
  input.on('error', () => undefined);
  input.end(stdin);
  const exited = once(process, 'exit');
  const [output, errors] = await Promise.all([onLine ? pass(stdout, onLine) : text(stdout), text(stderr)]);
  const [code] = z
    .tuple([z.number().nullable()])
    .rest(z.unknown())
    .parse(await exited);
  return { code, stdout: output, stderr: errors };
}

async function pass(stream: NodeJS.ReadableStream, onLine: (line: string) => void): Promise<string> {
  for await (const line of createInterface({ input: stream })) onLine(line);
  return '';
}
