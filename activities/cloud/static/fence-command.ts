import { HoldfastError } from '../../../domain/errors';
import type { RegisteredHost } from '../../../domain/hosts';
import { runOperatorCommand } from '../../operator-command';

/**
 * A command of the operator's that switches machines off and on: by their management boards, a power strip, a hypervisor. It is run by
 * a shell with three more arguments: `off` or `on`, the name of the machine and its address. When it ends well after `off`, the machine
 * runs nothing any more; what is off already is no failure, and neither is what is on.
 */
export interface FenceCommand {
  /** @throws CLOUD_UNAVAILABLE. */
  off(machine: Machine): Promise<void>;
  /** Returns when it was told to, not when it has booted. @throws CLOUD_UNAVAILABLE. */
  on(machine: Machine): Promise<void>;
}

type Machine = Pick<RegisteredHost, 'name' | 'ssh'>;

/** Management boards are slow; Patroni's lease has decided long before that. */
const TIMEOUT_MS = 60_000;
/** Of what it prints nothing is used. */
const MOST_BYTES = 1024 ** 2;

/** @param line as an operator writes it in HOLDFAST_FENCE_COMMAND. @param timeoutMs how long it may take. */
export function createFenceCommand(line: string, timeoutMs = TIMEOUT_MS): FenceCommand {
  const run = async (verb: 'off' | 'on', { name, ssh }: Machine): Promise<void> => {
    const failed = (why: string): HoldfastError =>
      new HoldfastError('CLOUD_UNAVAILABLE', {
        cloud: 'static',
        detail: `the fence command did not switch ${name} ${verb}: ${why}`,
      });
    await runOperatorCommand(line, [verb, name, ssh.host], { timeoutMs, mostBytes: MOST_BYTES, failed });
  };
  return { off: (machine) => run('off', machine), on: (machine) => run('on', machine) };
}
