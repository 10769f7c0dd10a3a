import { tellsOtherKey, unreachable } from './errors';
import type { Host } from './host';

/**
 * A host whose address may belong to another one by now: when that shows its own key, and nothing is known by the pinned key any
 * more, the host is away (HOST_UNREACHABLE) rather than not to be trusted (HOST_KEY_MISMATCH). Nothing was run there.
 */
export function orReplaced(host: Host, isReplaced: () => Promise<boolean>): Host {
  const judge = async (error: unknown): Promise<never> => {
    if (!tellsOtherKey(error) || !(await isReplaced())) throw error;
    throw unreachable(host.label, new Error('another host has taken its place', { cause: error }));
  };
  return {
    label: host.label,
    run: (command, options) => host.run(command, options).catch(judge),
    putFiles: (files) => host.putFiles(files).catch(judge),
  };
}
