/** Whether only one node at a time took writes: what each data node was asked to write by itself, and did. */

/** A write on a node, through its own socket, that the quorum has. */
export interface Acknowledged {
  readonly node: string;
  /** PostgreSQL's: it rises with each promotion. */
  readonly timeline: number;
  /** ms of the epoch. */
  readonly beganAt: number;
  readonly endedAt: number;
}

/** @returns what is wrong, a sentence each. */
export function checkPrimaries(acknowledged: readonly Acknowledged[]): string[] {
  return [...sharedTimelines(acknowledged), ...writesOfThePast(acknowledged)];
}

/** A timeline is of the node that was promoted to it. */
function sharedTimelines(acknowledged: readonly Acknowledged[]): string[] {
  const owners = new Map<number, Set<string>>();
  for (const { node, timeline } of acknowledged) owners.set(timeline, (owners.get(timeline) ?? new Set()).add(node));
  return [...owners]
    .filter(([, nodes]) => nodes.size > 1)
    .map(([timeline, nodes]) => `timeline ${timeline} was written by ${[...nodes].sort().join(' and ')}`);
}

/** Once a timeline has acknowledged a write, no older one may acknowledge one that begins later. */
function writesOfThePast(acknowledged: readonly Acknowledged[]): string[] {
  const byEnd = [...acknowledged].sort((a, b) => a.endedAt - b.endedAt);
  const byBegin = [...acknowledged].sort((a, b) => a.beganAt - b.beganAt);
  let newest: Acknowledged | undefined;
  let ended = 0;
  return byBegin.flatMap((write) => {
    for (let next = byEnd[ended]; next && next.endedAt < write.beganAt; next = byEnd[++ended])
      if (!newest || next.timeline > newest.timeline) newest = next;
    return newest && newest.timeline > write.timeline
      ? [
          `${write.node} acknowledged a write of timeline ${write.timeline} after ${newest.node} had one of ${newest.timeline}`,
        ]
      : [];
  });
}
