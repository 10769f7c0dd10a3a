import type { Condition } from '../../domain/clusters';
import type { ClusterId } from '../../domain/ids';
import { appendAudit } from './audit';
import { lockCluster, setCondition } from './clusters';
import type { Sql } from './database';

/**
 * Sets a condition of a cluster that is still ready, and tells the audit log of it as `action` when its reason has changed; that a
 * new cluster is well is no news. In the transaction of what it tells of.
 */
export async function tell(
  sql: Sql,
  id: ClusterId,
  condition: Omit<Condition, 'since'>,
  action: string,
): Promise<void> {
  const { status, deletedAt } = await lockCluster(sql, id, null);
  if (status.state !== 'ready' || deletedAt !== null) return;
  const before = status.conditions.find(({ type }) => type === condition.type);
  await setCondition(sql, id, condition);
  if (before?.reason === condition.reason || (!before && condition.status)) return;
  const { reason, message } = condition;
  await appendAudit(sql, { actor: 'autopilot', action, subject: id, details: { reason, message } });
}
