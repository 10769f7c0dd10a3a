import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { NodeName } from '../../domain/topology';
import type { Database, Sql } from './database';
import { fenced } from './fence';
import type { NodeTable } from './inventory';
import { nodeRow } from './rows';

export function nodeTable(database: Database): NodeTable {
  return {
    list: (clusterId) =>
      database.rows(nodeRow, 'select * from nodes where cluster_id = $1 order by name collate "C"', [clusterId]),
    place: (ref, nodes) => fenced(database, ref, (sql) => place(sql, ref, nodes)),
    recordHost: (ref, name, host) => fenced(database, ref, (sql) => recordHost(sql, ref, name, host)),
    forget: (ref) =>
      fenced(database, ref, async (sql) => {
        await sql.run('delete from nodes where cluster_id = $1', [ref.clusterId]);
      }),
  };
}

async function place(sql: Sql, ref: StepRef, nodes: Parameters<NodeTable['place']>[1]): Promise<void> {
  await sql.run(
    `insert into nodes (cluster_id, name, role, failure_domain)
     select $1, * from unnest($2::text[], $3::text[], $4::text[])
         on conflict do nothing`,
    [
      ref.clusterId,
      nodes.map(({ name }) => name),
      nodes.map(({ role }) => role),
      nodes.map(({ failureDomain }) => failureDomain),
    ],
  );
}

async function recordHost(
  sql: Sql,
  ref: StepRef,
  name: NodeName,
  host: Parameters<NodeTable['recordHost']>[2],
): Promise<void> {
  const changed = await sql.run(
    `update nodes set host_id = $3, private_address = $4, ssh_host = $5, ssh_port = $6, host_key = $7,
            public_ports = $8::jsonb, ssh_user = $9, failure_domain = $10
      where cluster_id = $1 and name = $2`,
    [
      ref.clusterId,
      name,
      host.hostId,
      host.privateAddress,
      host.ssh?.host ?? null,
      host.ssh?.port ?? null,
      host.hostKey,
      JSON.stringify(host.publicPorts),
      host.ssh?.user ?? null,
      host.failureDomain,
    ],
  );
  if (changed === 0) throw new HoldfastError('NOT_FOUND', { kind: 'node', ref: name });
}
