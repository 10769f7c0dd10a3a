import type { RunOptions } from '../../activities/host/host';
import type { ShellCommand } from '../../activities/host/shell';
import type { SshPool } from '../../activities/host/ssh-pool';

/** What a host answers, by the name of its node. */
type Answer = (node: string, command: ShellCommand, options: RunOptions) => Promise<string>;

/** Hosts that are only asked: a file that is put on one is an error. */
export const scriptedSsh = (answer: Answer): SshPool => ({
  host: ({ label }) => ({
    label,
    run: (command, options = {}) => answer(label.split('/')[1] ?? '', command, options),
    putFiles: () => Promise.reject(new Error('whoever only asks changes no file')),
  }),
  forget: () => undefined,
  close: () => undefined,
});
