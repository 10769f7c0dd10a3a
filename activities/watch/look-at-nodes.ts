import { z } from 'zod';
import type { DiskAct, DiskLook } from '../../domain/disk-ladder';
import type { NodeName } from '../../domain/topology';
import type { Standby } from '../../domain/watching';
import { DISK_ACTS_FILE, REFUSED } from '../disk/guard';
import { ETCD_CLIENT_PORT } from '../etcd/config';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { dataNodeBeside, dataNodesOf } from '../fleet';
import { GATEWAY_PORTS, PGBOUNCER_LOCAL_PORT, PRIMARY_LOCAL_PORT } from '../gateway/ports';
import { TLS_FOLDER } from '../host/tls-paths';
import { sh } from '../host/shell';
import { SYSTEM_ROLES } from '../patroni/hba';
import { ETCDCTL } from '../patroni/keys';
import { binariesOf, DATA_FOLDER, dataDirectory, SOCKET_FOLDER } from '../postgres/paths';
import { sql } from '../postgres/sql';
import { ask } from './ask';

/** One short command on each node that says all the watch wants to know of it; it changes nothing. */

/** What a data node says of itself; of the others only where it is the primary. */
export interface DataLook {
  readonly disk: DiskLook;
  /** The newest of what its host did because of its volume. */
  readonly acts: readonly DiskAct[];
  /** Those that stream from it. Null: it is not the primary. */
  readonly standbys: readonly Standby[] | null;
  /** Those whose etcd answers it. Null: it is not the primary. */
  readonly members: readonly MemberLook[] | null;
  /** When the certificate ends that ends first, ISO 8601. Null: that was not asked. */
  readonly certificateEndsAt: string | null;
}

/** A member of etcd that answers. */
export interface MemberLook {
  readonly node: NodeName;
  /** Hexadecimal. */
  readonly id: string;
  /** It leads, as it says itself. */
  readonly leads: boolean;
}

export interface GatewayLook {
  /** Ports that do not answer on the gateway itself. */
  readonly deaf: readonly string[];
  readonly certificateEndsAt: string | null;
}

/** @property signal ends it. @property certificates whether to ask for them: they change seldom. */
export interface Asking {
  readonly signal: AbortSignal;
  readonly certificates: boolean;
}

/** Who has said nothing by then does not answer: the others of the cluster wait for it, and are to be looked at again in time. */
export const LOOK_MS = 2_500;
/** Members of etcd are asked one after the other: two that hang take no longer than a look. */
const ETCD_S = 1;
const NEWEST_ACTS = 20;

const CERTIFICATES = `for file in "$tls"/*.crt; do openssl x509 -noout -enddate -in "$file" || :; done`;

const FACTS = sql`SELECT json_build_object('isPrimary', NOT pg_is_in_recovery(), 'standbys', (
  SELECT coalesce(json_agg(json_build_object('name', application_name,
      'lagBytes', coalesce(greatest(0, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)), 0))), '[]'::json)
    FROM pg_stat_replication WHERE state = 'streaming' AND NOT pg_is_in_recovery()))`;

/* Each line says by its first word what it is. etcd is asked by the primary only: once for all members. */
const LOOK_AT_DATA = `facts=$1 binaries=$2 socket=$3 volume=$4 data=$5 acts=$6 newest=$7 tls=$8
shift 8
echo "volume $(df -B1 --output=size,avail "$volume" | tail -n 1)"
grep -qs "^default_transaction_read_only = '${REFUSED}'" "$data/postgresql.auto.conf" && echo refuses
told=$("$binaries/psql" -XAtqw -h "$socket" -d postgres -c "$facts" 2>/dev/null) && echo "postgres $told"
case $told in *'"isPrimary" : true'*) "$@" 2>/dev/null | sed 's/^/etcd /' ;; esac
[ ! -e "$acts" ] || tail -n "$newest" "$acts" | sed 's/^/act /'
[ -z "$tls" ] || ${CERTIFICATES}`;

const LOOK_AT_GATEWAY = `isready=$1 role=$2 tls=$3
shift 3
for port; do { "$isready" -q -h 127.0.0.1 -p "$port" -U "$role" -d postgres -t 2 || echo "deaf $port"; } & done
wait
[ -z "$tls" ] || ${CERTIFICATES}`;

/** @throws within {@link LOOK_MS} when it does not answer, and when nobody can tell what it says. */
export async function lookAtDataNode(
  fleet: Fleet,
  view: ClusterView,
  node: ReachableNode,
  { signal, certificates }: Asking,
): Promise<DataLook> {
  const { version } = view.cluster.spec;
  const addresses = dataNodesOf(view).map(({ privateAddress }) => `https://${privateAddress}:${ETCD_CLIENT_PORT}`);
  const asksEtcd = [...ETCDCTL, `--endpoints=${addresses.join(',')}`, `--command-timeout=${ETCD_S}s`];
  const places = [binariesOf(version), SOCKET_FOLDER, DATA_FOLDER, dataDirectory(version), DISK_ACTS_FILE];
  const words = [FACTS, ...places, NEWEST_ACTS, certificates ? TLS_FOLDER : ''];
  const status = [...asksEtcd, '--write-out=fields', 'endpoint', 'status'];
  const command = sh`runuser -u postgres -- sh -c ${LOOK_AT_DATA} sh ${[...words, ...status]}`;
  const question = { title: 'look at the node', timeoutMs: LOOK_MS, signal };
  return parseDataLook(await ask(fleet, view, node, command, question), view, node.name);
}

/** @throws as {@link lookAtDataNode}. */
export async function lookAtGateway(
  fleet: Fleet,
  view: ClusterView,
  node: ReachableNode,
  { signal, certificates }: Asking,
): Promise<GatewayLook> {
  const isReady = `${binariesOf(view.cluster.spec.version)}/pg_isready`;
  // Beside a PostgreSQL it serves on the floating address only, which another gateway may have.
  const ports = dataNodeBeside(view, node) ? [PRIMARY_LOCAL_PORT, PGBOUNCER_LOCAL_PORT] : Object.values(GATEWAY_PORTS);
  const words = [isReady, SYSTEM_ROLES.pooler, certificates ? TLS_FOLDER : '', ...ports];
  const question = { title: 'look at the gateway', timeoutMs: LOOK_MS, signal };
  const printed = await ask(fleet, view, node, sh`sh -c ${LOOK_AT_GATEWAY} sh ${words}`, question);
  return { deaf: linesOf(printed, 'deaf'), certificateEndsAt: firstEnd(printed) };
}

const facts = z.object({
  isPrimary: z.boolean(),
  standbys: z.array(z.object({ name: z.string(), lagBytes: z.number() })),
});
const act = z.object({ at: z.iso.datetime(), act: z.string(), detail: z.string() });

/** @param printed by the command. */
export function parseDataLook(printed: string, view: Pick<ClusterView, 'nodes'>, node: NodeName): DataLook {
  const [totalBytes, freeBytes] = (linesOf(printed, 'volume')[0] ?? '').trim().split(/\s+/).map(Number);
  if (!totalBytes || freeBytes === undefined)
    throw new Error(`${node} does not say how full its volume is: ${printed}`);
  const [told] = linesOf(printed, 'postgres').map((json) => facts.parse(JSON.parse(json)));
  const isPrimary = told?.isPrimary === true;
  const named = (name: string): NodeName[] => view.nodes.flatMap((one) => (one.name === name ? [one.name] : []));
  return {
    disk: {
      node,
      role: told ? (isPrimary ? 'primary' : 'standby') : null,
      usedShare: 1 - freeBytes / totalBytes,
      refuses: /^refuses$/m.test(printed),
    },
    acts: linesOf(printed, 'act').flatMap((json) => parsed(act, json) ?? []),
    standbys: isPrimary
      ? told.standbys.flatMap(({ name, lagBytes }) => named(name).map((one) => ({ name: one, lagBytes })))
      : null,
    members: isPrimary ? membersIn(linesOf(printed, 'etcd'), view) : null,
    certificateEndsAt: firstEnd(printed),
  };
}

const linesOf = (printed: string, word: string): string[] =>
  printed.split('\n').flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));

/** A line that was written in part, or by hand, is none. */
function parsed<T>(shape: z.ZodType<T>, json: string): T | null {
  try {
    return shape.parse(JSON.parse(json));
  } catch {
    return null;
  }
}

/** Lines such as `"Leader" : 10276657743932975437`, of which the endpoint is the last of each member. Its numbers are too large for JSON. */
function membersIn(lines: readonly string[], { nodes }: Pick<ClusterView, 'nodes'>): MemberLook[] {
  const said = new Map<string, string>();
  return lines.flatMap((line) => {
    const [, name = '', value = ''] = /^"(\w+)" : "?([^"]*)"?$/.exec(line.trim()) ?? [];
    said.set(name, value);
    if (name !== 'Endpoint') return [];
    const node = nodes.find(
      ({ role, privateAddress }) => role === 'data' && value === `https://${privateAddress}:${ETCD_CLIENT_PORT}`,
    );
    const [id = '', leader] = [said.get('MemberID'), said.get('Leader')];
    // One that knows no leader answers, and can do nothing.
    return node && leader !== '0' ? [{ node: node.name, id: BigInt(id).toString(16), leads: id === leader }] : [];
  });
}

function firstEnd(printed: string): string | null {
  const ends = [...printed.matchAll(/^notAfter=(.+)$/gm)].map(([, time = '']) => Date.parse(time));
  return ends.length === 0 ? null : new Date(Math.min(...ends)).toISOString();
}
