import { z } from 'zod';
import type { BackupPolicy } from '../../domain/backups';
import type { Cluster } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { ClusterId, OperationId } from '../../domain/ids';
import type { PolicyChange, PolicyChangeTable } from './backup-tables';
import type { Operation } from '../../domain/operations';
import type { Database, Sql } from './database';
import { first } from './database';
import { fenced } from './fence';
import { backupPolicy } from './rows';

const changeRow = z.object({
  policy_change: z.object({ before: backupPolicy.nullable(), after: backupPolicy }).nullable(),
});

export function policyChangeTable(database: Database): PolicyChangeTable {
  return {
    ofOperation: (id) => ofOperation(database, id),
    putBack: (ref) =>
      fenced(database, ref, async (sql) => {
        const { before } = await ofOperation(sql, ref.operationId);
        await setPolicy(sql, ref.clusterId, before);
      }),
  };
}

/** Writes the new policy into the spec, and what it changes with the operation. @throws BACKUPS_NOT_CONFIGURED for a change of none. */
export async function changePolicy(
  sql: Sql,
  { id: clusterId, name, spec }: Cluster,
  { id, kind }: Pick<Operation, 'id' | 'kind'>,
  after: BackupPolicy,
): Promise<void> {
  if (!spec.backups && kind !== 'begin-backups') throw new HoldfastError('BACKUPS_NOT_CONFIGURED', { name });
  const change: PolicyChange = { before: spec.backups, after };
  await sql.run('update operations set policy_change = $2::jsonb where id = $1', [id, JSON.stringify(change)]);
  await setPolicy(sql, clusterId, after);
}

async function ofOperation(sql: Sql, id: OperationId): Promise<PolicyChange> {
  const found = first(await sql.rows(changeRow, 'select policy_change from operations where id = $1', [id]));
  if (!found?.policy_change) throw new HoldfastError('NOT_FOUND', { kind: 'change of a policy by operation', ref: id });
  return found.policy_change;
}

async function setPolicy(sql: Sql, id: ClusterId, policy: BackupPolicy | null): Promise<void> {
  await sql.run(`update clusters set spec = jsonb_set(spec, '{backups}', $2::jsonb) where id = $1`, [
    id,
    JSON.stringify(policy),
  ]);
}
