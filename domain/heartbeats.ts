import type { NodeName } from './topology';

/** What nodes say of themselves a few times a second, and what their silence means. */

/**
 * `down`: its host answers, and its PostgreSQL does not. That is Patroni's business, who sees it at once. `open`: a gateway that
 * forwards; `down` of one is systemd's business.
 */
export const HEARTBEAT_ROLES = ['primary', 'replica', 'down', 'open'] as const;
export type HeartbeatRole = (typeof HEARTBEAT_ROLES)[number];

export interface Heartbeat {
  readonly node: NodeName;
  /** What it said last; null: it was not heard yet. */
  readonly role: HeartbeatRole | null;
  /** Since it said so, or since it is listened to, in milliseconds. */
  readonly silentMs: number;
}

/** What is told of a node: what it said last, or that nothing was heard of it for a while, by whosever fault. */
export const NODE_STATES = [...HEARTBEAT_ROLES, 'silent'] as const;
export type NodeState = (typeof NODE_STATES)[number];

/** What is written down is up to a second old, and one beat may be late. */
export const STALE_MS = 3_000;

export const stateOf = (role: HeartbeatRole, silentMs: number): NodeState => (silentMs < STALE_MS ? role : 'silent');

/** Four beats: one that is late is no trouble. */
const SILENCE_MS = 1_000;

/**
 * The primary that may have to be replaced: it is silent, nobody else is the primary, and those that are heard are enough to go on
 * without it. Silence is one witness only, and the control plane's own network may be the cause.
 *
 * @param heartbeats of all data nodes of a cluster. @param last who was the primary when they began to be listened to, as it was
 * written down; null: that is not known.
 */
export function silentPrimary(heartbeats: readonly Heartbeat[], last: NodeName | null): NodeName | null {
  const heard = heartbeats.filter(isHeard);
  const primaries = heartbeats.filter(({ node, role }) => role === 'primary' || (role === null && node === last));
  const [primary] = primaries;
  if (!primary || primaries.length > 1 || primary.silentMs < SILENCE_MS) return null;
  const canGoOn = isMajority(heard.length, heartbeats.length) && heard.some(({ role }) => role === 'replica');
  return canGoOn ? primary.node : null;
}

/**
 * Why the other data nodes can't acknowledge commits while the data of one is thrown away, as far as they are heard; null where they
 * can. One of which nothing is known passes: what the primary says of the others is asked before anything is done.
 */
export function lackWithout(node: NodeName, states: ReadonlyMap<NodeName, NodeState | null>): string | null {
  const others = [...states].filter(([name]) => name !== node);
  const lacking = others.filter(([, state]) => state === 'down' || state === 'silent');
  if (isMajority(others.length - lacking.length, states.size)) return null;
  return lacking.map(([name, state]) => `${name} is ${state}`).join(', ') || 'it is the only one';
}

/** Of data nodes; null: not heard yet. */
export const statesOf = (heartbeats: readonly Heartbeat[]): ReadonlyMap<NodeName, NodeState | null> =>
  new Map(heartbeats.map(({ node, role, silentMs }) => [node, role && stateOf(role, silentMs)]));

export const isHeard = ({ role, silentMs }: Heartbeat): boolean => role !== null && silentMs < SILENCE_MS;

/** @param of how many they are in all. */
export const isMajority = (some: number, of: number): boolean => 2 * some > of;
