import { randomBytes } from 'node:crypto';
import type { OpenInventory } from '../../../../activities/inventory/open';
import type { ClusterId, IdPrefix, Id, OperationId } from '../../../../domain/ids';
import { makeId } from '../../../../domain/ids';
import { stepTitles } from '../../../../workflows/runbooks';

/** An inventory as it is after years: many clusters, each with a long past. */

export interface Past {
  readonly clusters: readonly { readonly id: ClusterId; readonly name: string }[];
  readonly operations: readonly OperationId[];
}

const BATCH = 5_000;
const MINUTE_MS = 60_000;

const SPEC = {
  plan: 'ha-s',
  version: '18',
  cloud: 'docker',
  storageBytes: 20 * 1024 ** 3,
  database: 'app',
  owner: 'app',
  allowedIps: ['203.0.113.0/24'],
  deletionProtection: false,
} as const;

/** Writes ready clusters into the project and, for each of them, operations that have succeeded, with steps and events. */
export async function seedPast(
  { database, projects }: OpenInventory,
  counts: { readonly clusters: number; readonly operations: number },
): Promise<Past> {
  const project = await projects.ensure('default');
  const beganAt = Date.now() - counts.operations * MINUTE_MS;
  const idAt = <P extends IdPrefix>(prefix: P, i: number): Id<P> =>
    makeId(prefix, beganAt + i * MINUTE_MS, randomBytes(16));
  const clusters = range(counts.clusters).map((i) => ({ id: idAt('clu', i), name: `bench-${i}` }));
  await database.run(
    `insert into clusters (id, project_id, name, spec, state, postgresql_version)
     select id, $1, name, $2::jsonb, 'ready', '18.1' from unnest($3::text[], $4::text[]) new (id, name)`,
    [project.id, JSON.stringify(SPEC), clusters.map(({ id }) => id), clusters.map(({ name }) => name)],
  );
  const operations = range(counts.operations).map((i) => idAt('op', i));
  for (let from = 0; from < operations.length; from += BATCH) {
    const ids = operations.slice(from, from + BATCH);
    await writeOperations(
      database,
      project.id,
      ids,
      ids.map((_, i) => clusters[(from + i) % clusters.length]),
    );
  }
  await database.run('analyze', []);
  return { clusters, operations };
}

async function writeOperations(
  database: OpenInventory['database'],
  projectId: string,
  ids: readonly OperationId[],
  owners: readonly (Past['clusters'][number] | undefined)[],
): Promise<void> {
  await database.run(
    `insert into operations (id, kind, project_id, cluster_id, cluster_name, generation, topology, summary, state, cause,
                             requested_by, created_at, started_at, finished_at)
     select id, 'provision', $1, cluster_id, cluster_name, 1, 'ha', 'ha-s, PostgreSQL 18', 'succeeded', 'user', 'bench',
            now(), now(), now()
       from unnest($2::text[], $3::text[], $4::text[]) new (id, cluster_id, cluster_name)`,
    [projectId, ids, owners.map((owner) => owner?.id ?? ''), owners.map((owner) => owner?.name ?? '')],
  );
  const titles = stepTitles('provision', 'ha');
  await database.run(
    `insert into steps (operation_id, id, position, title, state, attempt, started_at, finished_at)
     select operation, step.id, step.position, step.title, 'succeeded', 1, now(), now()
       from unnest($1::text[]) operation,
            unnest($2::text[], $3::text[]) with ordinality step (id, title, position)`,
    [ids, titles.map(({ id }) => id), titles.map(({ title }) => title)],
  );
  await database.run(
    `insert into operation_events (operation_id, type, body)
     select id, 'operation', to_jsonb(operation) from operations operation where id = any($1)`,
    [ids],
  );
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
