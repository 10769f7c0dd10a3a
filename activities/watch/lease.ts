import { log } from '@temporalio/activity';
import { z } from 'zod';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet } from '../fleet';
import { sh } from '../host/shell';
import { ETCDCTL, keysOf } from '../patroni/keys';
import { onOthers } from './ask';

/** The lease by which a node is the primary: Patroni's key of the leader in etcd. */

const READ_MS = 2_000;
/** As long as the lease would last. */
const RELEASE_MS = 20_000;
/*
 * Where etcd's leader was lost with that host, a request is passed on to it until the others have noticed, and is never
 * answered: tries are short at first. etcdctl's own --command-timeout is not for transactions. Ends with its timeout, if not before.
 */
const RELEASE = `transaction=$(cat) seconds=1
until printf '%s\\n\\n\\n' "$transaction" | timeout "$seconds" "$@" txn; do
  seconds=$((seconds + 1))
  sleep 0.1
done`;

const leaderKey = z.object({ kvs: z.array(z.object({ mod_revision: z.number(), value: z.base64() })).default([]) });

/**
 * Which lease a node holds: etcd's revision at which it took it. One that it takes later is another. The others say what they know
 * without asking one another, because etcd's leader may be lost with that node.
 *
 * @returns null when the others do not know of one that is this node's.
 */
export async function readLease(fleet: Fleet, view: ClusterView, node: NodeName): Promise<number | null> {
  const options = { title: 'read the lease', timeoutMs: READ_MS };
  const read = async (printed: Promise<string>): Promise<number> => {
    const [key] = leaderKey.parse(JSON.parse(await printed)).kvs;
    if (!key || Buffer.from(key.value, 'base64').toString() !== node) throw new Error(`it is not ${node}'s`);
    return key.mod_revision;
  };
  const command = sh`${ETCDCTL} get ${leaderKeyOf(view)} --consistency=s --write-out=json`;
  return Promise.any(onOthers(fleet, view, node, command, options).map(read)).catch(() => null);
}

/**
 * Gives the lease to others. Without it they wait until it is over, 20 s at most: a failure here costs time only. One that the node has
 * taken since, and rightly so, stays.
 */
export async function releaseLease(fleet: Fleet, view: ClusterView, node: NodeName, lease: number): Promise<void> {
  const key = leaderKeyOf(view);
  const onlyThatOne = `value("${key}") = "${node}"\nmod("${key}") = "${lease}"\n\ndel ${key}`;
  const released = new AbortController();
  const options = { title: 'release the lease', stdin: onlyThatOne, timeoutMs: RELEASE_MS, signal: released.signal };
  const command = sh`sh -c ${RELEASE} sh ${ETCDCTL}`;
  const tries = onOthers(fleet, view, node, command, options).map(async (printed) => {
    // Another of these or the worker before has released it, or it was over.
    if (!(await printed).startsWith('SUCCESS')) throw new Error('it found nothing to release');
  });
  await Promise.any(tries).catch((error: unknown) => {
    const reasons = error instanceof AggregateError ? error.errors.map(String) : [String(error)];
    log.warn('the lease of a primary that is off was not released', { cluster: view.cluster.id, reasons });
  });
  released.abort();
}

const leaderKeyOf = ({ cluster }: ClusterView): string => `${keysOf(cluster)}/leader`;
