import { z } from 'zod';
import { HoldfastError } from '../../domain/errors';
import type { NodeName } from '../../domain/topology';
import type { ClusterView } from '../fleet';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import { LEASE } from './config';
import type { MainData } from './halt';
import { ETCDCTL, keysOf } from './keys';

/** Of data nodes that were stopped: who was the primary, and who is to be the next one. */

/* Of a data directory whose server was stopped: number of its log, how it was stopped, and where that log left the one before. */
const LOG = `set -eu
binaries=$1 data=$2
say() { "$binaries/pg_controldata" "$data" | sed -n "s/^$1: *//p"; }
number=$(say "Latest checkpoint's TimeLineID")
history=$data/pg_wal/$(printf %08X "$number").history
fork=$(grep -v '^ *#' "$history" 2>/dev/null | awk 'NF { lsn = $2 } END { print lsn }' || :)
printf '%s|%s|%s|%s\\n' "$number" "$(say 'Database cluster state')" "$fork" "$(say "Latest checkpoint's REDO WAL file")"`;

export interface StoppedData {
  readonly log: number;
  readonly isClean: boolean;
  /** It followed a primary when it stopped. */
  readonly isReplica: boolean;
  readonly forkLsn: string | null;
  /** The last segment of the log that it has. */
  readonly segment: string;
}

export async function lookAtData(
  host: Host,
  { binaries }: Pick<MainData, 'binaries'>,
  data: string,
): Promise<StoppedData> {
  const shown = await host.run(sh`runuser -u postgres -- sh -c ${LOG} sh ${binaries} ${data}`, {
    title: 'look at the data',
  });
  const [log = '', state = '', fork = '', segment = ''] = shown.trim().split('|');
  return {
    log: Number(log),
    isClean: state === 'shut down',
    isReplica: state.includes('recovery'),
    forkLsn: fork === '' ? null : fork,
    segment,
  };
}

type Stopped = StoppedData & { readonly name: NodeName };

/**
 * Of data nodes that were stopped, the one that was the primary at last: a failover may have come in between. It has the newest
 * log, and did not follow another one.
 *
 * @param known the one that was the primary before.
 */
export function lastPrimary(stopped: readonly Stopped[], known: NodeName): Stopped {
  const [last] = [...stopped].sort(
    (one, other) =>
      other.log - one.log ||
      Number(one.isReplica) - Number(other.isReplica) ||
      Number(other.name === known) - Number(one.name === known),
  );
  if (!last) throw new HoldfastError('NOT_FOUND', { kind: 'primary of', ref: known });
  return last;
}

/* After a boot etcd needs a moment to agree on a leader of its own. */
const READ_SYNC = 'until sync=$("$@"); do sleep 0.2; done; printf %s "$sync"';
const ETCD_MS = 60_000;

const syncKey = z.object({ leader: z.string().nullish() });

/** Whom Patroni has written down, before its promotion, as the primary whose commits wait for the others; null where no commit waits. */
export async function lastSyncLeader(host: Host, { cluster }: Pick<ClusterView, 'cluster'>): Promise<string | null> {
  const read = [...ETCDCTL, 'get', `${keysOf(cluster)}/sync`, '--print-value-only'];
  const options = { title: 'see who was the primary at last', timeoutMs: ETCD_MS };
  const written = (await host.run(sh`sh -c ${READ_SYNC} sh ${read}`, options)).trim();
  return written === '' ? null : (syncKey.parse(JSON.parse(written)).leader ?? null);
}

/*
 * Whoever has the lease becomes the primary, and the others follow it: given beforehand, all of them can start at once, and nobody
 * takes part in a race. Its Patroni makes the lease its own; where it never comes, the lease ends as any other. One that somebody
 * has by then is left alone.
 */
const GIVE_LEASE = `set -eu
name=$1 key=$2 ttl=$3; shift 3
lease=$("$@" lease grant "$ttl" | sed -n 's/^lease \\([0-9a-f]*\\) granted.*/\\1/p')
printf 'create("%s") = "0"\\n\\nput --lease=%s %s %s\\n\\n\\n' "$key" "$lease" "$key" "$name" | "$@" txn >&2`;

/** Nothing happens where somebody has it. Idempotent. */
export async function giveLease(host: Host, { cluster }: ClusterView, name: NodeName): Promise<void> {
  await host.run(sh`sh -c ${GIVE_LEASE} sh ${name} ${`${keysOf(cluster)}/leader`} ${LEASE.ttl} ${ETCDCTL}`, {
    title: 'say who is to be the primary',
  });
}
