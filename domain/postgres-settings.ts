import type { Plan } from './plans';

/** PostgreSQL's settings that follow from the size of a data node. Sources: PostgreSQL's own documentation of each. */

const KIB = 1024;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

export type PostgresSettings = Readonly<Record<string, string | number>>;

const clamp = (value: number, low: number, high: number): number => Math.floor(Math.min(Math.max(value, low), high));
const kilobytes = (bytes: number): string => `${Math.floor(bytes / KIB)}kB`;
const megabytes = (bytes: number): string => `${Math.floor(bytes / MIB)}MB`;

/** Connections the node can hold: about 10 MiB of memory each, of which a part is work_mem. */
export function maxConnections({ memoryBytes }: Pick<Plan, 'memoryBytes'>): number {
  return clamp(memoryBytes / (10 * MIB), 50, 500);
}

export function sizeSettings(plan: Pick<Plan, 'memoryBytes' | 'cpus'>, storageBytes: number): PostgresSettings {
  const connections = maxConnections(plan);
  const cpus = Math.max(1, Math.floor(plan.cpus));
  return {
    // A quarter for PostgreSQL's own cache; the kernel's cache gets most of the rest.
    shared_buffers: megabytes(plan.memoryBytes / 4),
    effective_cache_size: megabytes((plan.memoryBytes * 3) / 4),
    max_connections: connections,
    // Half of the memory, were every connection to sort at once with two nodes of its plan.
    work_mem: kilobytes(clamp(plan.memoryBytes / 4 / connections, 1 * MIB, 256 * MIB)),
    maintenance_work_mem: megabytes(clamp(plan.memoryBytes / 16, 16 * MIB, 2 * GIB)),
    max_worker_processes: clamp(cpus * 2, 8, 128),
    max_parallel_workers: clamp(cpus, 2, 64),
    max_parallel_workers_per_gather: clamp(cpus / 2, 0, 8),
    // WAL may take a fifth of the disk between checkpoints and another fifth for replicas that lag.
    min_wal_size: megabytes(clamp(storageBytes / 50, 80 * MIB, 2 * GIB)),
    max_wal_size: megabytes(clamp(storageBytes / 5, 160 * MIB, 16 * GIB)),
    wal_keep_size: megabytes(clamp(storageBytes / 20, 48 * MIB, 2 * GIB)),
    max_slot_wal_keep_size: megabytes(clamp(storageBytes / 5, 160 * MIB, 64 * GIB)),
  };
}
