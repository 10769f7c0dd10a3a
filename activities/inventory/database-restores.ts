import { z } from 'zod';
import type { DatabaseRestore } from '../../domain/database-restores';
import { HoldfastError } from '../../domain/errors';
import type { ClusterId, OperationId } from '../../domain/ids';
import type { Sql } from './database';
import { first } from './database';
import { clusterId } from './rows';

/** What is written with an operation that restores one database, and with the cluster that is made for it. */
export interface NewDatabaseRestore extends DatabaseRestore {
  /** Whose backups it is taken from. */
  readonly from: ClusterId;
}

const row = z
  .object({ cluster_id: clusterId, source: z.string(), database: z.string(), replace: z.boolean() })
  .transform(({ cluster_id, source, database, replace }): DatabaseRestore => ({
    into: cluster_id,
    source,
    database,
    replace,
  }));

export async function findDatabaseRestore(sql: Sql, id: OperationId): Promise<DatabaseRestore> {
  const found = first(await sql.rows(row, 'select * from database_restores where operation_id = $1', [id]));
  if (!found) throw new HoldfastError('NOT_FOUND', { kind: 'database of operation', ref: id });
  return found;
}

/** Like one that is made for a drill, the cluster is left out of lists, and taken away by the housekeeping if need be. */
export async function insertDatabaseRestore(
  sql: Sql,
  id: OperationId,
  { from, into, source, database, replace }: NewDatabaseRestore,
): Promise<void> {
  await sql.run(
    'insert into database_restores (operation_id, cluster_id, source, database, replace) values ($1, $2, $3, $4, $5)',
    [id, into, source, database, replace],
  );
  await sql.run(
    'update clusters set drill_of = $2 where id = (select cluster_id from operations where operations.id = $1)',
    [id, from],
  );
}
