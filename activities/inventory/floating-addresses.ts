import type { FloatingAddress } from '../../domain/hosts';
import { HoldfastError } from '../../domain/errors';
import type { FloatingAddressId, ProjectId } from '../../domain/ids';
import type { Database, Sql } from './database';
import { first } from './database';
import { floatingAddressRow } from './host-rows';
import type { AddressClaim, FloatingAddressTable } from './host-tables';

export function floatingAddressTable(database: Database): FloatingAddressTable {
  const select = (where: string, ...values: string[]): Promise<FloatingAddress[]> =>
    database.rows(floatingAddressRow, `select * from floating_addresses where ${where} order by id`, values);
  return {
    register: (address) => register(database, address),
    find: async (projectId, id) => first(await select('project_id = $1 and id = $2', projectId, id)),
    list: (projectId) => select('project_id = $1', projectId),
    remove: (projectId, id) => remove(database, projectId, id),
    claim: (request) => claim(database, request),
    ofNetwork: async (network) => first(await select('network = $1', network)),
    listByTags: (tags) => select('tags @> $1::jsonb', JSON.stringify(tags)),
    release: async (network) => {
      const free = 'network = null, cluster = null, tags = null';
      await database.run(`update floating_addresses set ${free} where network = $1`, [network]);
    },
  };
}

async function register(
  sql: Sql,
  { id, projectId, address, prefixLength }: Parameters<FloatingAddressTable['register']>[0],
): Promise<FloatingAddress> {
  const [made] = await sql.rows(
    floatingAddressRow,
    'insert into floating_addresses (id, project_id, address, prefix_length) values ($1, $2, $3, $4) returning *',
    [id, projectId, address, prefixLength],
  );
  if (!made) throw new TypeError('an insert gave no row');
  return made;
}

function remove(database: Database, projectId: ProjectId, id: FloatingAddressId): Promise<FloatingAddress> {
  return database.transaction(async (sql) => {
    const found = first(
      await sql.rows(
        floatingAddressRow,
        'select * from floating_addresses where project_id = $1 and id = $2 for update',
        [projectId, id],
      ),
    );
    if (!found) throw new HoldfastError('NOT_FOUND', { kind: 'floating address', ref: id });
    if (found.cluster !== null) throw new HoldfastError('ADDRESS_IN_USE', { address: found.address });
    await sql.run('delete from floating_addresses where id = $1', [id]);
    return found;
  });
}

function claim(
  database: Database,
  { projectId, network, cluster, tags, preferred = null }: AddressClaim,
): Promise<FloatingAddress | null> {
  return database.transaction(async (sql) => {
    // One claim of a project at a time.
    await sql.run('select from floating_addresses where project_id = $1 order by id for update', [projectId]);
    const [own] = await sql.rows(floatingAddressRow, 'select * from floating_addresses where network = $1', [network]);
    if (own) return own;
    return first(
      await sql.rows(
        floatingAddressRow,
        `update floating_addresses set network = $2, cluster = $3, tags = $4::jsonb
          where id = (select id from floating_addresses where project_id = $1 and network is null
                       order by (address = $5) is true desc, id limit 1)
          returning *`,
        [projectId, network, cluster, JSON.stringify(tags), preferred],
      ),
    );
  });
}
