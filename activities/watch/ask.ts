import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { otherDataNodes, watchedHostOf } from '../fleet';
import { abortable } from '../host/cancellation';
import type { RunOptions } from '../host/host';
import type { ShellCommand } from '../host/shell';

/** Nodes that are asked by those who decide within seconds: a host that is away is not waited for. */

type Question = RunOptions & { readonly timeoutMs: number };

/**
 * Asks a node, and gives up in time whatever its connection is at.
 * @throws as {@link Host.run}; the reason of the signal.
 */
export function ask(
  fleet: Pick<Fleet, 'watchSsh'>,
  view: ClusterView,
  node: ReachableNode,
  command: ShellCommand,
  question: Question,
): Promise<string> {
  const ending = [AbortSignal.timeout(question.timeoutMs), ...(question.signal ? [question.signal] : [])];
  const signal = AbortSignal.any(ending);
  const asking = watchedHostOf(fleet, view, node).run(command, { connectTimeoutMs: 0, ...question, signal });
  return abortable(asking, signal);
}

/** Runs a command on all data nodes but this one; each answers by itself. */
export function onOthers(
  fleet: Pick<Fleet, 'watchSsh'>,
  view: ClusterView,
  name: NodeName,
  command: ShellCommand,
  options: Question,
): Promise<string>[] {
  return otherDataNodes(view, name).map((other) =>
    watchedHostOf(fleet, view, other).run(command, { connectTimeoutMs: 0, ...options }),
  );
}
