import type { Condition } from './clusters';
import type { NodeName } from './topology';

/** What the watch says of the parts of a cluster besides its volumes and its archive, in words that change only when the state does. */

export type Told = Omit<Condition, 'since'>;

/** A standby that streams, as the primary sees it. */
export interface Standby {
  readonly name: NodeName;
  /** What it has yet to replay. */
  readonly lagBytes: number;
}

/** A quorum does not wait for one that is so far behind; it replays for some seconds before it can take over. */
export const LAGGING_BYTES = 256 * 1024 ** 2;
/** Nothing rotates certificates yet: so long before the end somebody should know. */
const SOON_MS = 30 * 86_400_000;

const listed = (names: readonly string[]): string => names.join(' and ');

/** @param others all data nodes but the primary. @returns null where there are none. */
export function judgeStandbys(others: readonly NodeName[], streaming: readonly Standby[]): Told | null {
  const type = 'StandbysStream';
  if (others.length === 0) return null;
  const missing = others.filter((name) => !streaming.some((standby) => standby.name === name));
  const lagging = streaming.filter(({ lagBytes }) => lagBytes > LAGGING_BYTES).map(({ name }) => name);
  if (missing.length > 0) {
    const left = missing.length < others.length ? 'Another standby acknowledges.' : 'No commit is acknowledged.';
    return {
      type,
      status: false,
      reason: 'NotStreaming',
      message: `${listed(missing)} receives nothing from the primary. ${left}`,
    };
  }
  return lagging.length > 0
    ? { type, status: false, reason: 'Lagging', message: `${listed(lagging)} is more than 256 MiB behind the primary.` }
    : { type, status: true, reason: 'Streaming', message: 'All standbys receive from the primary, and are near it.' };
}

/** What of a gateway does not answer; `host`: nothing of it does. */
export interface DeafGateway {
  readonly name: NodeName;
  readonly deaf: readonly string[];
}

export function judgeGateways(gateways: readonly DeafGateway[]): Told {
  const type = 'GatewaysServe';
  const deaf = gateways.filter((gateway) => gateway.deaf.length > 0);
  if (deaf.length === 0)
    return { type, status: true, reason: 'Serving', message: 'All gateways answer on all their ports.' };
  const words = deaf.map(({ name, deaf: what }) => `${name} (${what.join(', ')})`);
  const left = deaf.length < gateways.length ? 'Another gateway serves.' : 'Nobody reaches the cluster.';
  return { type, status: false, reason: 'NotServing', message: `No answer from ${listed(words)}. ${left}` };
}

/** @param away data nodes whose etcd does not answer the primary's host. @param of how many members there are. */
export function judgeMembers(away: readonly NodeName[], of: number): Told {
  const type = 'EtcdWhole';
  if (away.length === 0) return { type, status: true, reason: 'AllMembers', message: 'All members of etcd answer.' };
  const left = 2 * away.length < of ? 'The others have a quorum.' : 'The others have no quorum: nobody can take over.';
  return {
    type,
    status: false,
    reason: 'MembersAway',
    message: `The etcd of ${listed(away)} does not answer. ${left}`,
  };
}

/** The certificate of a node that ends first. */
export interface Expiry {
  readonly node: NodeName;
  readonly endsAt: string;
}

export function judgeCertificates(expiries: readonly Expiry[], nowMs: number): Told {
  const type = 'CertificatesValid';
  const near = expiries.filter(({ endsAt }) => Date.parse(endsAt) - nowMs < SOON_MS);
  if (near.length === 0)
    return { type, status: true, reason: 'Valid', message: 'All certificates are valid for a month and longer.' };
  const words = near.map(({ node, endsAt }) => `${node} on ${endsAt.slice(0, 'yyyy-mm-dd'.length)}`);
  const ended = near.some(({ endsAt }) => Date.parse(endsAt) <= nowMs);
  const reason = ended ? 'Ended' : 'EndSoon';
  return { type, status: false, reason, message: `Certificates end: ${listed(words)}.` };
}
