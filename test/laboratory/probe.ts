import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { ReachableNode } from '../../activities/fleet';
import { binariesOf, SOCKET_FOLDER } from '../../activities/postgres/paths';
import type { HaCluster, Insight } from '../system/support/ha-cluster';
import { dataNodes, hostIdOf } from '../system/support/ha-cluster';
import type { Acknowledged } from './checks/primaries';

/**
 * Asks each data node twice a second to write a row by itself, through its own socket, where no gateway says who the primary is.
 * Hosts of the local engine have the clock of this machine, so that the times of all of them can be compared.
 */
export interface Probe {
  readonly acknowledged: readonly Acknowledged[];
  stop(): Promise<void>;
}

const AGAIN_MS = 500;
/** `1700000000000 1700000000010 00000003`: when it began and ended, and the timeline. */
const LINE = /^(\d+) (\d+) ([0-9A-F]{8})$/;

/** @param record gets each write that was acknowledged. */
export function startProbe(ha: HaCluster<Insight>, record: (write: Acknowledged) => void): Probe {
  const acknowledged: Acknowledged[] = [];
  let stopped = false;
  const children = new Set<ChildProcessByStdio<Writable, Readable, null>>();
  const watch = async (node: ReachableNode): Promise<void> => {
    // It ends with its host.
    for (; !stopped; await pause(AGAIN_MS)) {
      const child = spawn('docker', ['exec', '-i', hostIdOf(node), 'bash', '-c', script(ha)], {
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      child.stdin.on('error', () => undefined);
      children.add(child);
      for await (const line of createInterface(child.stdout)) {
        const [, beganAt, endedAt, timeline] = LINE.exec(line) ?? [];
        if (beganAt === undefined || timeline === undefined) continue;
        const write = {
          node: node.name,
          timeline: parseInt(timeline, 16),
          beganAt: Number(beganAt),
          endedAt: Number(endedAt),
        };
        acknowledged.push(write);
        record(write);
      }
      children.delete(child);
    }
  };
  const watching = Promise.all(dataNodes(ha).map(watch));
  return {
    acknowledged,
    async stop() {
      stopped = true;
      for (const child of children) child.kill('SIGKILL');
      await watching;
    },
  };
}

/**
 * A statement that is given up after a second has not been acknowledged: it says so by a warning, and what is more than a timeline
 * is no acknowledgement. The end of its standard input ends it.
 */
function script({ cluster }: HaCluster<Insight>): string {
  const { version, database } = cluster.spec;
  const insert = `insert into probes default values returning substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)`;
  return `export PGOPTIONS='-c statement_timeout=1000'
while :; do
  began=$(date +%s%3N)
  said=$(timeout 5 runuser -u postgres -- ${binariesOf(version)}/psql -XAtq -h ${SOCKET_FOLDER} -d ${database} -c "${insert}" 2>&1 </dev/null) &&
    echo "$began $(date +%s%3N) $said"
  read -r -t 0.4 _
  [ $? -eq 1 ] && exit 0
done`;
}
