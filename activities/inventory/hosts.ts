import type { HostFacts, RegisteredHost } from '../../domain/hosts';
import { HoldfastError } from '../../domain/errors';
import type { HostId, ProjectId } from '../../domain/ids';
import { isId } from '../../domain/ids';
import { chooseMachines } from '../../domain/machine-choice';
import type { Database, Sql } from './database';
import { first } from './database';
import { fenced } from './fence';
import { claimRow, hostRow } from './host-rows';
import type { ClaimRequest, HostClaim, HostTable } from './host-tables';

const SELECT = `
  select hosts.*, claims.cluster, claims.tokens from hosts
    left join lateral (select min(cluster) as cluster, array_agg(token order by token) as tokens
                         from host_claims where host_id = hosts.id) claims on true`;

const SELECT_CLAIM = `
  select to_jsonb(claim) as claim, hosts.*, claim.cluster, array[claim.token] as tokens
    from host_claims claim join hosts on hosts.id = claim.host_id`;

export function hostTable(database: Database): HostTable {
  return {
    register: (host) => register(database, host),
    get: async (id) => first(await database.rows(hostRow, `${SELECT} where hosts.id = $1`, [id])),
    find: (projectId, idOrName) => find(database, projectId, idOrName),
    list: (projectId) =>
      database.rows(hostRow, `${SELECT} where project_id = $1 order by name collate "C"`, [projectId]),
    remove: (projectId, idOrName, force) => remove(database, projectId, idOrName, force),
    recordFacts: (id, facts) => recordFacts(database, id, facts),
    claim: (request) => claim(database, request),
    findClaim: async (token) => first(await database.rows(claimRow, `${SELECT_CLAIM} where claim.token = $1`, [token])),
    listClaims: (tags) =>
      database.rows(claimRow, `${SELECT_CLAIM} where claim.tags @> $1::jsonb order by claim.token`, [
        JSON.stringify(tags),
      ]),
    listLastHeldBy: (cluster) =>
      database.rows(hostRow, `${SELECT} where last_cluster = $1 and claims.cluster is null`, [cluster]),
    release: async (token) => {
      await database.run('delete from host_claims where token = $1', [token]);
    },
  };
}

async function register(sql: Sql, host: Parameters<HostTable['register']>[0]): Promise<RegisteredHost> {
  const { id, projectId, name, ssh, hostKey, zone, size } = host;
  await sql.run(
    `insert into hosts (id, project_id, name, address, port, ssh_user, host_key, zone, memory_bytes, cpus, storage_bytes)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [id, projectId, name, ssh.host, ssh.port, ssh.user, hostKey, zone, size.memoryBytes, size.cpus, size.storageBytes],
  );
  return requireHost(sql, projectId, id);
}

async function find(sql: Sql, projectId: ProjectId, idOrName: string): Promise<RegisteredHost | null> {
  const which = isId('host', idOrName) ? 'hosts.id' : 'hosts.name';
  return first(await sql.rows(hostRow, `${SELECT} where project_id = $1 and ${which} = $2`, [projectId, idOrName]));
}

async function requireHost(sql: Sql, projectId: ProjectId, idOrName: string): Promise<RegisteredHost> {
  const host = await find(sql, projectId, idOrName);
  if (!host) throw new HoldfastError('NOT_FOUND', { kind: 'host', ref: idOrName });
  return host;
}

function remove(database: Database, projectId: ProjectId, idOrName: string, force: boolean): Promise<RegisteredHost> {
  return database.transaction(async (sql) => {
    const { id } = await requireHost(sql, projectId, idOrName);
    // Held, so that no claim comes in between.
    await sql.run('select from hosts where id = $1 for update', [id]);
    const host = await requireHost(sql, projectId, id);
    if (host.cluster !== null && !force) throw new HoldfastError('HOST_IN_USE', { name: host.name });
    await sql.run('delete from hosts where id = $1', [id]);
    return host;
  });
}

async function recordFacts(sql: Sql, id: HostId, facts: HostFacts): Promise<void> {
  await sql.run('update hosts set facts = $2::jsonb where id = $1 and facts is distinct from $2::jsonb', [
    id,
    JSON.stringify(facts),
  ]);
}

/** All wanted hosts get their machines, or none does. */
function claim(database: Database, request: ClaimRequest): Promise<readonly HostClaim[]> {
  const { projectId, cluster, tags, wanted, step } = request;
  const work = async (sql: Sql): Promise<readonly HostClaim[]> => {
    // One claim of a project at a time.
    await sql.run('select from hosts where project_id = $1 order by id for update', [projectId]);
    const ofCluster = (): Promise<HostClaim[]> =>
      sql.rows(claimRow, `${SELECT_CLAIM} where hosts.project_id = $1 and claim.cluster = $2`, [projectId, cluster]);
    const placed = await ofCluster();
    const open = wanted.filter(({ token }) => !placed.some((other) => other.token === token));
    if (open.length > 0) {
      const all = await sql.rows(hostRow, `${SELECT} where project_id = $1`, [projectId]);
      const free = all.filter((host) => host.cluster === null);
      const chosen = chooseMachines(open, free, placed);
      if (typeof chosen === 'string') throw new HoldfastError('CLOUD_FULL', { cloud: 'static', detail: chosen });
      for (const { token, needs, machine } of chosen) {
        await sql.run(
          'insert into host_claims (token, host_id, cluster, tags, needs) values ($1, $2, $3, $4::jsonb, $5::jsonb)',
          [token, machine.id, cluster, JSON.stringify(tags), JSON.stringify(needs)],
        );
        await sql.run('update hosts set last_cluster = $2 where id = $1', [machine.id, cluster]);
      }
    }
    const now = await ofCluster();
    return now.filter(({ token }) => wanted.some((host) => host.token === token));
  };
  return step ? fenced(database, step, work) : database.transaction(work);
}
