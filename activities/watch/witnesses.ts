import { isMajority } from '../../domain/heartbeats';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodesOf, otherDataNodes, reachableNode } from '../fleet';
import { sh } from '../host/shell';
import { ETCDCTL } from '../patroni/keys';
import { binariesOf } from '../postgres/paths';
import { ask } from './ask';

/** What data nodes say of another node: `silent` is a verdict only where enough of them say so and nobody says otherwise. */
export type Testimony = 'answers' | 'silent' | 'unknown';

/*
 * Asks for what no kernel answers by itself, so that a frozen host is silent too: PostgreSQL, whatever it says, and the banner of
 * sshd. Prints who answers.
 */
const CALL = `"$1" -q -h "$2" -p 5432 -t 1 & postgres=$!
timeout 1 bash -c 'exec 3<>"/dev/tcp/$0/22" && read -r line <&3 && case $line in SSH-*) echo sshd ;; esac' "$2" 2>/dev/null
wait "$postgres"
case $? in 0 | 1) echo postgres ;; 2) ;; *) exit 1 ;; esac`;
/** Who has said nothing by then does not know. */
const TIMEOUT_MS = 4_000;
/** A call that nobody answers takes a second by itself: what is said of it is a second old at most. */
const FRESH_MS = 2_000;

/**
 * Has the other data nodes call a node. Behind PostgreSQL's port of a gateway is its HAProxy.
 *
 * @returns `silent` when a majority of the cluster's data nodes gets no answer from it, and nobody gets one.
 */
export async function askOthersFor(fleet: Fleet, view: ClusterView, name: NodeName): Promise<Testimony> {
  const called = reachableNode(view, name);
  const testimonies = await Promise.all(
    otherDataNodes(view, name).map((witness) => call(fleet, view, witness, called)),
  );
  if (testimonies.includes('answers')) return 'answers';
  const agreeing = testimonies.filter((testimony) => testimony === 'silent').length;
  return isMajority(agreeing, dataNodesOf(view).length) ? 'silent' : 'unknown';
}

/**
 * As {@link askOthersFor}, of a primary. `unknown` also where they could not choose another one: without a majority of etcd nobody can,
 * and a primary that was only slow would be gone. `late`: it was silent, and may be back, so long did it take to say so; ask again.
 */
export async function askWithout(fleet: Fleet, view: ClusterView, name: NodeName): Promise<Testimony | 'late'> {
  const askedAtMs = performance.now();
  const [testimony, ...votes] = await Promise.all([
    askOthersFor(fleet, view, name),
    ...otherDataNodes(view, name).map((node) => hasVote(fleet, view, node)),
  ]);
  const canChoose = isMajority(votes.filter(Boolean).length, dataNodesOf(view).length);
  if (testimony !== 'silent') return testimony;
  if (!canChoose) return 'unknown';
  return performance.now() - askedAtMs < FRESH_MS ? 'silent' : 'late';
}

/** Its etcd answers, and is no learner. It answers also while nobody leads, as when the leader was lost with the primary. */
async function hasVote(fleet: Fleet, view: ClusterView, node: ReachableNode): Promise<boolean> {
  const command = sh`${ETCDCTL} --command-timeout=1s --write-out=fields endpoint status`;
  return (
    await ask(fleet, view, node, command, { title: 'ask its etcd', timeoutMs: TIMEOUT_MS }).catch(() => '')
  ).includes('"IsLearner" : false');
}

async function call(fleet: Fleet, view: ClusterView, from: ReachableNode, to: ReachableNode): Promise<Testimony> {
  const isReady = `${binariesOf(view.cluster.spec.version)}/pg_isready`;
  const command = sh`sh -c ${CALL} sh ${isReady} ${to.privateAddress}`;
  try {
    return (await ask(fleet, view, from, command, { title: `call ${to.name}`, timeoutMs: TIMEOUT_MS })) === ''
      ? 'silent'
      : 'answers';
  } catch {
    return 'unknown';
  }
}
