import type { ClusterView, Fleet } from '../fleet';
import { watchedHostOf } from '../fleet';
import { sh } from '../host/shell';
import { ETCDCTL } from '../patroni/keys';
import type { DataLook } from './look-at-nodes';
import type { Seen } from './nodes';

const TIMEOUT_MS = 5_000;

/**
 * Hands the lead of etcd to a member beside the primary. Were both lost with one host, the others would have to choose a leader of
 * etcd before they can choose a primary, which takes them 2.5 to 5 s more. While a member is away nothing is moved.
 */
export async function keepLeaderAway(
  fleet: Pick<Fleet, 'watchSsh'>,
  view: ClusterView,
  data: readonly Seen<DataLook>[],
  signal: AbortSignal,
): Promise<void> {
  const primary = data.find(({ look }) => look?.members);
  const members = primary?.look?.members ?? [];
  const leads = members.some(({ node, leads }) => leads && node === primary?.node.name);
  const [successor] = members.filter(({ node }) => node !== primary?.node.name);
  if (!primary || !leads || !successor || members.length < data.length) return;
  const options = { title: 'hand over the lead of etcd', timeoutMs: TIMEOUT_MS, signal };
  // What fails is found again by the next look.
  await watchedHostOf(fleet, view, primary.node)
    .run(sh`${ETCDCTL} move-leader ${successor.id}`, options)
    .catch(() => undefined);
}
