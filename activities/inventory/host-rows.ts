import { z } from 'zod';
import { NODE_ROLES } from '../../domain/topology';
import { bigint, projectId, time } from './rows';

/** Rows of machines and floating addresses, parsed into types of the domain. */

const hostId = z.templateLiteral(['host_', z.string()]);
const floatingAddressId = z.templateLiteral(['fip_', z.string()]);

const hostColumns = z.object({
  id: hostId,
  project_id: projectId,
  name: z.string(),
  address: z.string(),
  port: z.number(),
  ssh_user: z.string(),
  host_key: z.string(),
  zone: z.string(),
  memory_bytes: bigint,
  cpus: z.number(),
  storage_bytes: bigint,
  facts: z
    .object({ machineId: z.string(), privateAddress: z.string(), controlAddress: z.string(), sshPort: z.number() })
    .nullable(),
  cluster: z.string().nullable(),
  tokens: z.array(z.string()).nullable(),
  registered_at: time,
});

const toHost = (row: z.infer<typeof hostColumns>) => ({
  id: row.id,
  projectId: row.project_id,
  name: row.name,
  ssh: { host: row.address, port: row.port, user: row.ssh_user },
  hostKey: row.host_key,
  zone: row.zone,
  size: { memoryBytes: row.memory_bytes, cpus: row.cpus, storageBytes: row.storage_bytes },
  facts: row.facts,
  cluster: row.cluster,
  nodes: (row.tokens ?? []).map((token) => token.slice(token.indexOf('/') + 1)),
  registeredAt: row.registered_at,
});

export const hostRow = hostColumns.transform(toHost);

export const claimRow = hostColumns
  .extend({
    claim: z.object({
      token: z.string(),
      tags: z.record(z.string(), z.string()),
      needs: z.object({
        role: z.enum(NODE_ROLES),
        memoryBytes: z.number(),
        cpus: z.number(),
        storageBytes: z.number(),
      }),
    }),
  })
  .transform(({ claim, ...columns }) => ({ ...claim, machine: toHost(columns) }));

export const floatingAddressRow = z
  .object({
    id: floatingAddressId,
    project_id: projectId,
    address: z.string(),
    prefix_length: z.number(),
    cluster: z.string().nullable(),
    registered_at: time,
  })
  .transform((row) => ({
    id: row.id,
    projectId: row.project_id,
    address: row.address,
    prefixLength: row.prefix_length,
    cluster: row.cluster,
    registeredAt: row.registered_at,
  }));
